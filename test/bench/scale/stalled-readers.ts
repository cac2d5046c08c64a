// Readers of one partition over server-sent events of whom a tenth take nothing: whether the others get every
// record, and whether what the stalled ones are behind is kept for them (it is in the log). These begin with
// a log that is longer than what their sockets hold, so that each has stalled before the first record is sent.

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
const RECORDS_PER_SECOND = 20
/** What is in the log at first, as records of one size. */
const OLD_RECORDS = 96
const OLD_RECORD_BYTES = 256 * 1024
/** When nothing has come for so long, all that was sent has come, or never will. */
const DRAINED_MS = 10_000
/** When memory is taken first, and last. */
const LENGTHS = {
  quick: { firstMs: 30_000, lastMs: 90_000 },
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
  await fill(broker.httpPort)
  const stalled = await openReaders(broker.httpPort, TOPIC, STALLED, 'earliest')
  for (const reader of stalled) reader.stall()
  const fast = await openReaders(broker.httpPort, TOPIC, FAST)
  const latencies = new Latencies()
  for (const reader of fast) reader.latencies = latencies
  const sending = openLoop({
    port: broker.kafkaPort,
    topic: TOPIC,
    perSecond: RECORDS_PER_SECOND,
    durationMs: lastMs,
    record: () => ({ partition: 0, value: Buffer.from(SentTimes.stamp(Date.now())) }),
  })
  const first = await largestAround(pid, firstMs)
  const last = await largestAround(pid, lastMs - firstMs)
  const { sent } = await sending
  await drained(latencies)
  const least = Math.min(...fast.map(({ count }) => count))
  for (const reader of [...stalled, ...fast]) reader.close()
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

/** Whether they get all is one question and how late is another: a slow machine is waited for. */
async function drained(latencies: Latencies): Promise<void> {
  for (let seen = -1; latencies.count > seen; ) {
    seen = latencies.count
    await sleep(DRAINED_MS)
  }
}

async function fill(port: number): Promise<void> {
  const url = `http://127.0.0.1:${port}/v1/topics/${TOPIC}/records?partition=0`
  const body = 'x'.repeat(OLD_RECORD_BYTES)
  for (let record = 0; record < OLD_RECORDS; record++) {
    const response = await fetch(url, { method: 'POST', body })
    if (!response.ok) throw new Error(await response.text())
  }
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
