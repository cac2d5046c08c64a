import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventsOf, type StreamEvent } from '../../src/cli/event-stream.ts'

async function read(text: string, cuts: readonly number[] = []): Promise<StreamEvent[]> {
  const bytes = Buffer.from(text)
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted(
    (a, b) => a - b,
  )
  async function* chunks() {
    let at = 0
    for (const end of ends) {
      yield bytes.subarray(at, end)
      at = end
    }
  }
  const events: StreamEvent[] = []
  for await (const event of eventsOf(chunks())) events.push(event)
  return events
}

const STREAM =
  'retry: 1000\nid: 0:-1\n\n: a comment\n\nid: 0:0\ndata: {"ä":1}\n\nid: 0:1\nevent: malformed\ndata: a\ndata:b\n\n' +
  'id: 0:4\n\nevent: problem\ndata: x\n\nid\ndata\n\ndata: never ended'

const EVENTS: StreamEvent[] = [
  { event: '', data: null, id: '0:-1' },
  { event: '', data: '{"ä":1}', id: '0:0' },
  { event: 'malformed', data: 'a\nb', id: '0:1' },
  { event: '', data: null, id: '0:4' },
  { event: 'problem', data: 'x', id: '0:4' },
  { event: '', data: '', id: '' },
]

describe('server-sent events', () => {
  it('are read as the WHATWG says, and what has no end is none', async () => {
    expect(await read(STREAM)).toEqual(EVENTS)
  })

  it.each(['\r\n', '\r'])('may end their lines with %j', async (end) => {
    expect(await read(STREAM.replaceAll('\n', end))).toEqual(EVENTS)
  })

  it('are the same wherever the bytes were cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(500), { maxLength: 8 }),
        fc.constantFrom('\n', '\r\n'),
        async (cuts, end) => {
          expect(await read(STREAM.replaceAll('\n', end), cuts)).toEqual(EVENTS)
        },
      ),
    )
  })
})
