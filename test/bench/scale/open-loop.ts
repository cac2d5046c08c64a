// Records sent at fixed times whatever the broker does (an open loop), so that a broker that stops for a
// second is seen to have kept a second's records waiting (no coordinated omission).

import { setTimeout as sleep } from 'node:timers/promises'
import { LoadClient } from '../client.ts'
import { recordsRequest, sendRecords } from './requests.ts'

/** What to send. */
export interface Load {
  readonly port: number
  readonly topic: string
  readonly perSecond: number
  readonly durationMs: number
  /** Where the record of this number goes, and its value. Told when it is due, on performance's clock. */
  readonly record: (number: number, dueMs: number) => { partition: number; value: Uint8Array }
}

/** How far behind a record may be before another connection is opened for those behind it. */
const CONNECTIONS_MAX = 64

/** What was sent, and how long after it was due each record was acknowledged. */
export interface Sent {
  readonly sent: number
  readonly ackMs: readonly number[]
}

/** Sends all of them; resolves when each is acknowledged. Rejects when one is refused. */
export async function openLoop(load: Load): Promise<Sent> {
  const idle: LoadClient[] = [await LoadClient.open(load.port)]
  const opened = [...idle]
  const underWay = new Set<Promise<void>>()
  const ackMs: number[] = []
  const count = Math.floor((load.perSecond * load.durationMs) / 1e3)
  const startMs = performance.now()
  let failure: unknown = null
  for (let number = 0; number < count && failure === null; number++) {
    const dueMs = startMs + (number * 1e3) / load.perSecond
    const waitMs = dueMs - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    while (idle.length === 0 && opened.length >= CONNECTIONS_MAX) await Promise.race(underWay)
    let client = idle.pop()
    if (client === undefined) {
      client = await LoadClient.open(load.port)
      opened.push(client)
    }
    const { partition, value } = load.record(number, dueMs)
    const sending = sendRecords(client, recordsRequest(load.topic, partition, [value]))
      .then(() => {
        ackMs.push(performance.now() - dueMs)
        idle.push(client)
      })
      .catch((error: unknown) => {
        failure ??= error
      })
      .finally(() => underWay.delete(sending))
    underWay.add(sending)
  }
  await Promise.all(underWay)
  for (const client of opened) client.close()
  if (failure !== null) throw failure
  return { sent: count, ackMs }
}
