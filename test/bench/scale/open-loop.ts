// Records sent at fixed times whatever the broker does (an open loop), so that a broker that stops for a
// second is seen to have kept a second's records waiting (no coordinated omission).

import { setTimeout as sleep } from 'node:timers/promises'
import { LoadClient } from '../client.ts'
import { recordsRequest, sendRecords } from './requests.ts'

/** When to send. */
interface Pace {
  readonly port: number
  readonly perSecond: number
  readonly durationMs: number
}

/** What to send. */
export interface Load extends Pace {
  readonly topic: string
  /** Where the record of this number goes, and its value. Told when it is due, on performance's clock. */
  readonly record: (number: number, dueMs: number) => { partition: number; value: Uint8Array }
}

/** The same with Produce requests that are there already. */
export interface RequestLoad extends Pace {
  readonly request: (number: number) => Uint8Array
  /** Asked before each: no more are sent once it is true. */
  readonly isOver?: () => boolean
}

/** How far behind a record may be before another connection is opened for those behind it. */
const CONNECTIONS_MAX = 64

/** What was sent, and how long after it was due each record was acknowledged. */
export interface Sent {
  readonly sent: number
  readonly ackMs: readonly number[]
  /** From the first to the last acknowledgement. */
  readonly ms: number
}

/** Sends all of them; resolves when each is acknowledged. Rejects when one is refused. */
export function openLoop(load: Load): Promise<Sent> {
  return sendAll(load, (number, dueMs) => {
    const { partition, value } = load.record(number, dueMs)
    return recordsRequest(load.topic, partition, [value])
  })
}

/** The same with requests made beforehand. */
export function openLoopOf(load: RequestLoad): Promise<Sent> {
  return sendAll(load, load.request, load.isOver)
}

async function sendAll(
  { port, perSecond, durationMs }: Pace,
  request: (number: number, dueMs: number) => Uint8Array,
  isOver: () => boolean = () => false,
): Promise<Sent> {
  const idle: LoadClient[] = [await LoadClient.open(port)]
  const opened = [...idle]
  const underWay = new Set<Promise<void>>()
  const ackMs: number[] = []
  const count = Math.floor((perSecond * durationMs) / 1e3)
  const startMs = performance.now()
  let failure: unknown = null
  let number = 0
  for (; number < count && failure === null && !isOver(); number++) {
    const dueMs = startMs + (number * 1e3) / perSecond
    const waitMs = dueMs - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    while (idle.length === 0 && opened.length >= CONNECTIONS_MAX) await Promise.race(underWay)
    let client = idle.pop()
    if (client === undefined) {
      client = await LoadClient.open(port)
      opened.push(client)
    }
    const sending = sendRecords(client, request(number, dueMs))
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
  const ms = performance.now() - startMs
  for (const client of opened) client.close()
  if (failure !== null) throw failure
  return { sent: number, ackMs, ms }
}
