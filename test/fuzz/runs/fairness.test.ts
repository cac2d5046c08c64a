// A client beside others that send without end and wait for no answer: while it waits for one of its own, only so much
// of theirs is done. Counted in requests, so that it says the same of a slow machine. `npm run fuzz:overload` measures time.

import { connect, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { encodeRequest } from '../../../src/protocol/codec.ts'
import { ApiVersions } from '../../../src/protocol/messages/api-versions.ts'
import { type Broker, startBroker } from '../../clients/broker.ts'
import { AnswerCounter } from '../answers.ts'
import { WellBehaved } from '../well-behaved.ts'

const FLOODS = 12
const ROUNDS = 20
const PIECE_REQUESTS = 500
/** A dozen rounds of turns for each of two answers: as a rule it is one or two, and some are in sockets already. */
const DONE_MEANWHILE_MAX = 3_000

let broker: Broker | null = null
const sockets: Socket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await broker?.stop()
  broker = null
})

it('a client that waits for an answer waits for little of what others send without end', async () => {
  broker = await startBroker({ args: ['--log-level', 'error'] })
  const good = await WellBehaved.open(broker.kafka, 'good')
  await good.round()
  const request = encodeRequest(
    ApiVersions,
    3,
    { correlationId: 1, clientId: 'flood' },
    { clientSoftwareName: 'flood', clientSoftwareVersion: '1' },
  )
  const piece = Buffer.concat(Array.from({ length: PIECE_REQUESTS }, () => request))
  let answered = 0
  for (let i = 0; i < FLOODS; i++) {
    const socket = connect(broker.kafka.port, broker.kafka.host)
    sockets.push(socket)
    const counter = new AnswerCounter()
    const pump = () => {
      while (!socket.destroyed && socket.write(piece));
    }
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      answered += counter.count(bytes)
    })
    socket.on('drain', pump)
    socket.once('connect', pump)
  }
  const meanwhile: number[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const before = answered
    await good.round()
    meanwhile.push(answered - before)
  }
  // Or there was no flood.
  expect(answered).toBeGreaterThan(ROUNDS)
  expect(meanwhile.toSorted((a, b) => a - b)[ROUNDS / 2]).toBeLessThan(DONE_MEANWHILE_MAX)
  good.close()
}, 60_000)
