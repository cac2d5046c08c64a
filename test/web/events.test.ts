// How the console reads a stream of events: what is silent for too long is cut, what speaks is not.

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { readEvents } from '../../web/broker/events.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

/** A stream that is open, and what it says. */
function open() {
  let say = (_: string) => {}
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      say = (text) => controller.enqueue(new TextEncoder().encode(text))
    },
  })
  const ids: string[] = []
  const stop = new AbortController()
  const reading = readEvents(new Response(body), stop.signal, (events) => {
    ids.push(...events.map(({ id }) => id))
  })
  reading.catch(() => {})
  return { say, ids, reading }
}

it('goes on while comments come, however long there is no record', async () => {
  const { say, ids } = open()
  for (let n = 0; n < 20; n++) {
    say(':\n\n')
    await vi.advanceTimersByTimeAsync(15_000)
  }
  say('id: 0:7\ndata: {}\n\n')
  await vi.advanceTimersByTimeAsync(0)
  expect(ids).toEqual(['0:7'])
})

it('ends when nothing is heard any more, though nobody closes it', async () => {
  const { say, ids, reading } = open()
  say('id: 0:1\ndata: {}\n\n')
  await vi.advanceTimersByTimeAsync(41_000)
  await expect(reading).rejects.toThrow('nothing was heard')
  expect(ids).toEqual(['0:1'])
})
