// Readers of events who go away in the middle, as a page that is closed or a phone that loses its network:
// what was read for them is given back, whatever was under way.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Broker, startBroker } from './broker.ts'

const READERS = 100
const ROUNDS = 3
const RECORDS = 600
const RECORD_BYTES = 16 * 1024

let broker: Broker

beforeAll(async () => {
  broker = await startBroker()
  const created = await fetch(`${broker.http}/v1/topics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'left', partitions: 1 }),
  })
  expect(created.status).toBe(201)
  const lines = `${JSON.stringify({ value: 'x'.repeat(RECORD_BYTES) })}\n`.repeat(RECORDS)
  const produced = await fetch(`${broker.http}/v1/topics/left/records`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines,
  })
  expect(await produced.json()).toMatchObject({ count: RECORDS })
})

afterAll(() => broker.stop())

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** A reader who has got the head of the answer and takes no more. */
async function stalled(): Promise<Socket> {
  const { hostname, port } = new URL(broker.http)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(`GET /v1/topics/left/events?from=earliest HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
  const [head] = (await once(socket, 'data')) as [Buffer]
  expect(head.toString()).toMatch(/^HTTP\/1.1 200 /)
  socket.pause()
  return socket
}

async function read(): Promise<{ status: number; count: number }> {
  const url = `${broker.http}/v1/topics/left/partitions/0/records?offset=0&limit=5`
  const response = await fetch(url)
  const { records = [] } = (await response.json()) as { records?: unknown[] }
  return { status: response.status, count: records.length }
}

describe('readers who leave while they catch up', () => {
  it('leave their memory to those who stay', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const sockets = await Promise.all(Array.from({ length: READERS }, stalled))
      // Some are behind, some wait for their first piece.
      await sleep(300 + 400 * round)
      for (const socket of sockets) socket.destroy()
      // A busy machine notices late that they are gone.
      await expect.poll(read, { timeout: 25_000 }).toEqual({ status: 200, count: 5 })
    }
    const response = await fetch(`${broker.http}/v1/topics/left/events?from=earliest`)
    let bytes = 0
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      bytes += chunk.length
      if (bytes > RECORDS * RECORD_BYTES) break
    }
    expect(bytes).toBeGreaterThan(RECORDS * RECORD_BYTES)
  })
})
