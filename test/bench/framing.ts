// How the bytes that a server sends fall into answers: Kafka's frames, Redis' RESP, NATS' lines and
// HTTP/1.1. As much of each as the bench's requests are answered with; not parsers of the protocols.

/** Cuts a stream into messages. */
export interface Framing {
  /** Bytes at the front of a message that its taker does not get. */
  readonly headerBytes: number
  /**
   * Where the message that begins at `at` ends, of `have` bytes received; beyond `have` when it is not
   * whole, and then it may end further on than this says.
   */
  endOf(bytes: Buffer, at: number, have: number): number
  /** False for what a server sends without being asked. */
  isAnswer(bytes: Buffer, at: number): boolean
}

/** A big-endian int32 of the length, then as many bytes. */
export const KAFKA: Framing = {
  headerBytes: 4,
  endOf: (bytes, at, have) => (have - at < 4 ? at + 4 : at + 4 + bytes.readInt32BE(at)),
  isAnswer: () => true,
}

const LINE_FEED = 10
const BULK = '$'.charCodeAt(0)

/** Simple strings, errors, integers and bulk strings: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
export const RESP: Framing = {
  headerBytes: 0,
  endOf(bytes, at, have) {
    const end = lineEnd(bytes, at, have)
    if (end > have || bytes[at] !== BULK) return end
    const length = Number(bytes.toString('latin1', at + 1, end - 2))
    return length < 0 ? end : end + length + 2
  },
  isAnswer: () => true,
}

/** https://docs.nats.io/reference/reference-protocols/nats-protocol */
export const NATS: Framing = {
  headerBytes: 0,
  endOf(bytes, at, have) {
    const end = lineEnd(bytes, at, have)
    if (end > have || !isWord(bytes, at, 'MSG ')) return end
    const line = bytes.toString('latin1', at, end - 2)
    return end + Number(line.slice(line.lastIndexOf(' ') + 1)) + 2
  },
  // A PING every now and then is put off by the server's setting, +OK and INFO are no answers.
  isAnswer: (bytes, at) =>
    isWord(bytes, at, 'MSG ') || isWord(bytes, at, 'PONG') || isWord(bytes, at, '-ERR'),
}

/** Answers with a Content-Length, in chunks, or without a body (204 and 304). */
export const HTTP: Framing = {
  headerBytes: 0,
  endOf(bytes, at, have) {
    const head = bytes.indexOf('\r\n\r\n', at, 'latin1')
    if (head === -1 || head + 4 > have) return have + 1
    const text = bytes.toString('latin1', at, head)
    if (/^HTTP\/1\.1 (?:204|304)/.test(text)) return head + 4
    const length = /^content-length: *(\d+)/im.exec(text)
    if (length !== null) return head + 4 + Number(length[1])
    return chunksEnd(bytes, head + 4, have)
  },
  isAnswer: () => true,
}

function chunksEnd(bytes: Buffer, from: number, have: number): number {
  let at = from
  for (;;) {
    const end = lineEnd(bytes, at, have)
    if (end > have) return end
    const size = Number.parseInt(bytes.toString('latin1', at, end - 2), 16)
    at = end + size + 2
    if (at > have || size === 0) return at
  }
}

/** Behind the line feed of the line that begins at `at`. */
function lineEnd(bytes: Buffer, at: number, have: number): number {
  const end = bytes.indexOf(LINE_FEED, at)
  // What lies behind `have` is left from before.
  return end === -1 || end >= have ? have + 1 : end + 1
}

function isWord(bytes: Buffer, at: number, word: string): boolean {
  for (let index = 0; index < word.length; index++) {
    if (bytes[at + index] !== word.charCodeAt(index)) return false
  }
  return true
}
