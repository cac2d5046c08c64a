// Readers of one partition over server-sent events of whom a tenth take nothing: whether the others get every
// record, and whether what the stalled ones are behind is kept for them (it is in the log). Records are of a
// kilobyte, so that the stalled readers' sockets are full within the first minute and the broker feels it.

import { setTimeout as sleep } from 'node:timers/promises'
import { LoadClient } from '../client.ts'
import { launch, workerdOf } from '../launcher.ts'
import { residentBytes } from '../memory.ts'
import { newFolder } from '../processes.ts'
import { type Figure, megabytes } from '../rounds.ts'
import { openLoop } from './open-loop.ts'
import { Latencies } from './quantile.ts'
import { createTopics } from './requests.ts'
import { SentTimes } from './sent-times.ts'
import { openReaders } from './sse-reader.ts'

const FAST = 900
const STALLED = 100
const TOPIC = 'stalled'
const RECORDS_PER_SECOND = 50
const RECORD_BYTES = 1024
/** All that was sent has come, or never will, after this. */
const DRAINED_MS = 3_000
/** When memory is taken first, and last. */
const LENGTHS = {
  quick: { firstMs: 15_000, lastMs: 60_000 },
  full: { firstMs: 60_000, lastMs: 600_000 },
}

/** What the fast readers got, and memory late against early. */
export async function stalledReaderFigures(quick: boolean): Promise<Figure[]> {
  const { firstMs, lastMs } = LENGTHS[quick ? 'quick' : 'full']
  const broker = await launch(process.execPath, newFolder())
  const client = await LoadClient.open(broker.kafkaPort)
  await createTopics(client, [TOPIC], 1)
  client.close()
  const pid = workerdOf(broker.pid)
  const readers = await openReaders(broker.httpPort, TOPIC, FAST + STALLED)
  const fast = readers.slice(STALLED)
  for (const reader of readers.slice(0, STALLED)) reader.stall()
  const latencies = new Latencies()
  for (const reader of fast) reader.latencies = latencies
  const filling = 'x'.repeat(RECORD_BYTES)
  const sending = openLoop({
    port: broker.kafkaPort,
    topic: TOPIC,
    perSecond: RECORDS_PER_SECOND,
    durationMs: lastMs,
    record: () => ({ partition: 0, value: Buffer.from(SentTimes.stamp(Date.now()) + filling) }),
  })
  const first = await largestAround(pid, firstMs)
  const last = await largestAround(pid, lastMs - firstMs)
  const { sent } = await sending
  await sleep(DRAINED_MS)
  const least = Math.min(...fast.map(({ count }) => count))
  for (const reader of readers) reader.close()
  await broker.stop()
  return [
    {
      name: `SSE, ${FAST} readers beside ${STALLED} stalled: records had by the one with fewest / sent`,
      values: [least / sent],
      goal: { atLeast: 1 },
      detail: `${sent} records, ${latencies.text}`,
    },
    {
      name: `SSE, stalled readers: memory after ${lastMs / 1e3} s / after ${firstMs / 1e3} s`,
      values: [last / first],
      goal: { atMost: 1.2 },
      detail: `${megabytes(first)}, then ${megabytes(last)}`,
    },
  ]
}

/** Resident memory at its most within the last tenth of a time: between two collections of garbage it grows. */
async function largestAround(pid: number, ms: number): Promise<number> {
  await sleep(ms * 0.9)
  let largest = 0
  for (let sample = 0; sample < 20; sample++) {
    await sleep(ms / 200)
    largest = Math.max(largest, residentBytes(pid))
  }
  return largest
}
