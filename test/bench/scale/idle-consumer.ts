// One consumer that waits at the end of five hundred partitions in which nothing happens: what it costs the
// broker in processor time, and how soon it gets a record when a few begin to come.

import { setTimeout as sleep } from 'node:timers/promises'
import { lastOffsetAt } from '../../../src/record/header.ts'
import { LoadClient } from '../client.ts'
import { startFloor } from '../floor.ts'
import { launch, workerdOf } from '../launcher.ts'
import { LeastClient, leastAppend } from '../load/least.ts'
import { newFolder } from '../processes.ts'
import type { Figure } from '../rounds.ts'
import { Consumer } from './consumer.ts'
import { openLoop } from './open-loop.ts'
import { cpuSeconds, objectsSettled, openFiles } from './process-stats.ts'
import { latencyText, quantile } from './quantile.ts'
import { createTopics, recordsRequest, sendRecords } from './requests.ts'

const CPU_GOAL = { atMost: 0.03 }
const LATENCY_GOAL = { atMost: 10 }

const PARTITIONS = 500
const TOPIC = 'idle'
const RECORDS_PER_SECOND = 10

/** What every client asks for by default: an answer after half a second, empty or not. */
const TERMS = { maxWaitMs: 500, maxBytes: 50 * 1024 * 1024, partitionMaxBytes: 1024 * 1024 }

/** For no longer it is waited until those objects that can be evicted are. */
const SETTLED_MS = 90_000
const IDLE_MS = { quick: 20_000, full: 30_000 }
const TRICKLE_MS = { quick: 15_000, full: 30_000 }

/** Share of a core while idle, then end to end latency of records at a trickle. */
export async function idleConsumerFigures(quick: boolean): Promise<Figure[]> {
  const length = quick ? 'quick' : 'full'
  const broker = await launch(process.execPath, newFolder())
  const pid = workerdOf(broker.pid)
  const next = await filled(broker.kafkaPort)
  const arrivals = new Map<string, number>()
  const consumer = await Consumer.open({
    port: broker.kafkaPort,
    topic: TOPIC,
    next,
    terms: TERMS,
    take(partition, batch) {
      arrivals.set(`${partition}@${lastOffsetAt(batch, 0)}`, performance.now())
    },
  })
  const running = consumer.run()
  await objectsSettled(pid, SETTLED_MS)
  const idle = await shareOfCore(pid, IDLE_MS[length])
  const { objects } = openFiles(pid)
  const polls = consumer.polls
  const { latencies, ackMs } = await trickle(broker.kafkaPort, next, arrivals, TRICKLE_MS[length])
  consumer.close()
  await running
  await broker.stop()
  const bareMs = await bareTrickle(TRICKLE_MS[length])
  return [
    {
      name: `idle consumer of ${PARTITIONS} partitions`,
      values: [idle],
      unit: 'cores',
      goal: CPU_GOAL,
      detail:
        `${(100 * idle).toFixed(2)} % of a core over ${IDLE_MS[length] / 1e3} s, long polls of ` +
        `${TERMS.maxWaitMs} ms (${polls} so far); objects in memory: ${objectsText(objects)}`,
    },
    {
      name: '  then a record each 100 ms, end to end p99',
      values: [quantile(latencies, 0.99)],
      unit: 'ms',
      goal: LATENCY_GOAL,
      detail:
        `${latencyText(latencies)}; ${latencies.length} records, from when each was due; ` +
        `of it until acknowledged (the disk's): ${latencyText(ackMs)}`,
    },
    {
      name: '  floor: the same in the least broker, until stored, p99',
      values: [quantile(bareMs, 0.99)],
      unit: 'ms',
      goal: null,
      detail:
        `${latencyText(bareMs)}; ${bareMs.length} rows, nearly each for an object that sleeps: it is made, its file opened, ` +
        `a new log created, and three directories and files synced`,
    },
  ]
}

/** The runtime evicts an object that nobody asks for 10 s. */
const EVICTED_MS = 13_000

/** How long after it was due each of as many rows for as many sleeping objects was stored by the least broker. */
async function bareTrickle(durationMs: number): Promise<readonly number[]> {
  const least = await startFloor({ worker: 'least' })
  const bytes = recordsRequest(TOPIC, 0, [Buffer.from('{"late":false}')]).length
  const fill = await LeastClient.open(least.tcpPort)
  const requests = Array.from({ length: PARTITIONS }, (_, partition) =>
    leastAppend(bytes, partition),
  )
  for (const request of requests) await fill.once(request)
  fill.close()
  await sleep(EVICTED_MS)
  const client = await LeastClient.open(least.tcpPort)
  const startMs = performance.now()
  const took: Promise<number>[] = []
  for (let number = 0; number < (RECORDS_PER_SECOND * durationMs) / 1e3; number++) {
    const dueMs = startMs + (number * 1e3) / RECORDS_PER_SECOND
    await sleep(Math.max(0, dueMs - performance.now()))
    const request = requests[Math.floor(Math.random() * PARTITIONS)]!
    took.push(client.once(request).then(() => performance.now() - dueMs))
  }
  const all = await Promise.all(took)
  client.close()
  await least.stop()
  return all
}

/** `Cluster 1, Partition 500`. */
export function objectsText(objects: Readonly<Record<string, number>>): string {
  const named = Object.entries(objects).map(([name, count]) => `${name} ${count}`)
  return named.length === 0 ? 'none' : named.toSorted().join(', ')
}

/** Share of one core that a process uses in the next so many milliseconds. */
export async function shareOfCore(pid: number, ms: number): Promise<number> {
  const before = cpuSeconds(pid)
  const startMs = performance.now()
  await sleep(ms)
  return ((cpuSeconds(pid) - before) * 1e3) / (performance.now() - startMs)
}

/** A topic with one record in each partition; the offsets behind them. */
async function filled(port: number): Promise<Map<number, number>> {
  const client = await LoadClient.open(port)
  await createTopics(client, [TOPIC], PARTITIONS)
  const next = new Map<number, number>()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const offset = await sendRecords(client, recordsRequest(TOPIC, partition, [Buffer.from('{}')]))
    next.set(partition, offset + 1)
  }
  client.close()
  return next
}

/**
 * Sends records all over the partitions; how long after it was due each came to the consumer and was
 * acknowledged to its producer, in milliseconds.
 */
async function trickle(
  port: number,
  next: ReadonlyMap<number, number>,
  arrivals: ReadonlyMap<string, number>,
  durationMs: number,
): Promise<{ readonly latencies: readonly number[]; readonly ackMs: readonly number[] }> {
  const due = new Map<string, number>()
  const sent = new Map<number, number>()
  const { ackMs } = await openLoop({
    port,
    topic: TOPIC,
    perSecond: RECORDS_PER_SECOND,
    durationMs,
    record(_, dueMs) {
      const partition = Math.floor(Math.random() * PARTITIONS)
      const before = sent.get(partition) ?? 0
      sent.set(partition, before + 1)
      due.set(`${partition}@${(next.get(partition) ?? 0) + before}`, dueMs)
      return { partition, value: Buffer.from('{"late":false}') }
    },
  })
  await sleep(1_000)
  const latencies = [...due].map(([place, dueMs]) => {
    const arrivedMs = arrivals.get(place)
    if (arrivedMs === undefined) throw new Error(`the record at ${place} did not come`)
    return arrivedMs - dueMs
  })
  return { latencies, ackMs }
}
