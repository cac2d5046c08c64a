// Producers that send as fast as their sockets take it and wait for no answer before the next request: the overload.

import { connect, type Socket } from 'node:net'
import { encodeRequest } from '../../src/protocol/codec.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import { buildBatch } from '../../src/record/build.ts'
import type { Broker } from '../clients/broker.ts'
import type { Group } from './hostile-clients.ts'
import { WellBehaved } from './well-behaved.ts'

const VALUE_BYTES = 16 * 1024
const TOPIC = 'flood'

/** Opens the producers; each goes on until it is stopped. */
export async function flood(broker: Broker, count: number): Promise<Group> {
  // Creates the topic.
  const first = await WellBehaved.open(broker.kafka, TOPIC)
  first.close()
  const records = buildBatch({
    records: [{ timestamp: Date.now(), key: null, value: new Uint8Array(VALUE_BYTES) }],
  })
  const request = encodeRequest(
    Produce,
    9,
    { correlationId: 1, clientId: 'flood' },
    {
      acks: -1,
      timeoutMs: 1_000,
      topicData: [{ name: TOPIC, partitionData: [{ index: 0, records }] }],
    },
  )
  const counts = { opened: 0, closed: 0, refused: 0 }
  const sockets: Socket[] = []
  for (let i = 0; i < count; i++) {
    const socket = connect(broker.kafka.port, broker.kafka.host)
    sockets.push(socket)
    const pump = () => {
      while (!socket.destroyed && socket.write(request));
    }
    socket.on('error', () => {})
    socket.on('data', () => {})
    socket.on('drain', pump)
    socket.once('connect', () => {
      counts.opened += 1
      pump()
    })
    socket.once('end', () => socket.destroy())
    socket.once('close', () => {
      counts.closed += 1
    })
  }
  return {
    counts,
    stop() {
      for (const socket of sockets) socket.destroy()
    },
  }
}
