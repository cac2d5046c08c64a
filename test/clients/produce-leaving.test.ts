// Clients that hang up as soon as they have sent a record: others, whose records leave in the same call to the leader,
// are answered all the same, and what was held for those who left is given back.

import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Broker, startBroker } from './broker.ts'

const LEAVERS = 20
const STAYERS = 5
const RECORDS = 60
const BODY = JSON.stringify({ value: 'x'.repeat(3_000) })
const PATH = '/v1/topics/left/records'

let broker: Broker

beforeAll(async () => {
  broker = await startBroker()
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ name: 'left', partitions: 1 })
  await fetch(`${broker.http}/v1/topics`, { method: 'POST', headers, body })
})

afterAll(() => broker.stop())

/** Sends a record and hangs up, at once or while it waits for its answer. */
function leave(afterMs: number): Promise<void> {
  const { hostname, port, host } = new URL(broker.http)
  const head = `POST ${PATH} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n`
  return new Promise((done) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`${head}content-length: ${BODY.length}\r\n\r\n${BODY}`)
      setTimeout(() => socket.resetAndDestroy(), afterMs)
    })
    socket.on('error', () => {})
    socket.once('close', () => done())
  })
}

it('who stays is answered while others hang up', async () => {
  let hasEnded = false
  const leaving = Array.from({ length: LEAVERS }, async (_, which) => {
    while (!hasEnded) await leave(which % 4)
  })
  const offsets = new Set<number>()
  const staying = Array.from({ length: STAYERS }, async () => {
    for (let record = 0; record < RECORDS; record++) {
      const headers = { 'content-type': 'application/json' }
      const signal = AbortSignal.timeout(20_000)
      const init = { method: 'POST', headers, body: BODY, signal }
      const response = await fetch(`${broker.http}${PATH}`, init)
      const { offsets: stored } = (await response.json()) as { offsets: { offset: number }[] }
      offsets.add(stored[0]!.offset)
    }
  })
  await Promise.all(staying)
  hasEnded = true
  await Promise.all(leaving)
  expect(offsets.size).toBe(STAYERS * RECORDS)
}, 60_000)
