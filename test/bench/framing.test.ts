import { describe, expect, it } from 'vitest'
import { type Framing, HTTP, KAFKA, NATS, RESP } from './framing.ts'

/** The answers that come out when the stream is received in pieces of this many bytes. */
function received(framing: Framing, stream: Buffer, pieceBytes: number): string[] {
  // What lies behind `have` is left from before, and must not be read.
  const room = Buffer.alloc(stream.length + 64, '\r\n')
  const answers: string[] = []
  let at = 0
  for (let have = 0; have < stream.length; ) {
    const more = Math.min(pieceBytes, stream.length - have)
    stream.copy(room, have, have, have + more)
    have += more
    for (
      let end = framing.endOf(room, at, have);
      end <= have;
      end = framing.endOf(room, at, have)
    ) {
      if (framing.isAnswer(room, at)) {
        answers.push(room.toString('latin1', at + framing.headerBytes, end))
      }
      at = end
    }
  }
  expect(at).toBe(stream.length)
  return answers
}

const CASES: readonly {
  readonly name: string
  readonly framing: Framing
  readonly stream: string
  readonly answers: readonly string[]
}[] = [
  {
    name: 'frames of Kafka, an empty one among them',
    framing: KAFKA,
    stream: '\0\0\0\x03abc\0\0\0\0\0\0\0\x01d',
    answers: ['abc', '', 'd'],
  },
  {
    name: 'replies of Redis, line breaks within a bulk string',
    framing: RESP,
    stream: '+OK\r\n$4\r\na\r\nb\r\n-ERR no\r\n$-1\r\n:7\r\n',
    answers: ['+OK\r\n', '$4\r\na\r\nb\r\n', '-ERR no\r\n', '$-1\r\n', ':7\r\n'],
  },
  {
    name: 'messages of NATS, without what nobody asked for',
    framing: NATS,
    stream:
      'INFO {"a":1}\r\nPONG\r\nMSG inbox 1 5\r\n\r\nMSG\r\n+OK\r\nMSG x 1 _R 2\r\nok\r\n-ERR \'no\'\r\n',
    answers: [
      'PONG\r\n',
      'MSG inbox 1 5\r\n\r\nMSG\r\n',
      'MSG x 1 _R 2\r\nok\r\n',
      "-ERR 'no'\r\n",
    ],
  },
  {
    name: 'answers of HTTP, by length, in chunks and without a body',
    framing: HTTP,
    stream:
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi' +
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n' +
      'HTTP/1.1 204 No Content\r\nx: y\r\n\r\n' +
      'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
    answers: [
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      'HTTP/1.1 204 No Content\r\nx: y\r\n\r\n',
      'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
    ],
  },
]

describe.each(CASES)('$name', ({ framing, stream, answers }) => {
  const bytes = Buffer.from(stream, 'latin1')

  it.each([1, 2, 3, 7, bytes.length])('are cut alike in pieces of %i bytes', (pieceBytes) => {
    expect(received(framing, bytes, pieceBytes)).toEqual(answers)
  })
})
