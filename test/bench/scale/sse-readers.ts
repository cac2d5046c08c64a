// A thousand readers of one partition over server-sent events while records come: how late each event is,
// whether memory stays flat, and how many events a second can be had at most. Each reader is a
// plain socket: what is measured is the broker, as far as a load generator on the same machine allows.

import { setTimeout as sleep } from 'node:timers/promises'
import { LoadClient } from '../client.ts'
import { startFloor } from '../floor.ts'
import { type Launched, launch, workerdOf } from '../launcher.ts'
import { residentBytes } from '../memory.ts'
import { newFolder } from '../processes.ts'
import { type Figure, megabytes } from '../rounds.ts'
import { openLoop } from './open-loop.ts'
import { cpuSeconds } from './process-stats.ts'
import { Latencies } from './quantile.ts'
import { createTopics } from './requests.ts'
import { SentTimes } from './sent-times.ts'
import { openReaders, type SseReader } from './sse-reader.ts'

const LATENCY_GOAL = { atMost: 500 }
/** As flat as memory.ts takes a garbage-collected heap to be. */
const FLAT_GOAL = { atMost: 1.25 }

const READERS = 1_000
const TOPIC = 'live'
const RECORDS_PER_SECOND = 100
const LASTING_MS = { quick: 20_000, full: 300_000 }

/** Records per second tried for the ceiling, and how long each: the last that is kept up with counts. */
const STEPS = [200, 400, 800, 1_600, 3_200, 6_400]
const STEP_MS = { quick: 4_000, full: 5_000 }

/** All that was sent has come, or is late, after this. */
const DRAINED_MS = 3_000

/** Latency, memory and the ceiling of many readers of one partition. */
export async function sseReaderFigures(quick: boolean): Promise<Figure[]> {
  const length = quick ? 'quick' : 'full'
  const broker = await launch(process.execPath, newFolder())
  const client = await LoadClient.open(broker.kafkaPort)
  await createTopics(client, [TOPIC], 1)
  client.close()
  const pid = workerdOf(broker.pid)
  const before = residentBytes(pid)
  const readers = await openReaders(broker.httpPort, TOPIC, READERS)
  const waiting = residentBytes(pid)
  const lasting = await measured(broker, readers, RECORDS_PER_SECOND, LASTING_MS[length])
  const half = Math.ceil(lasting.memory.length / 2)
  const first = Math.max(...lasting.memory.slice(0, half))
  const second = Math.max(...lasting.memory.slice(half))
  const ceiling = await ceilingOf(broker, readers, STEP_MS[length])
  for (const reader of readers) reader.close()
  await broker.stop()
  const bare = await bareStreams(BARE_MS[length])
  return [
    {
      name: `SSE, ${READERS} readers at ${RECORDS_PER_SECOND}/s, p99`,
      values: [lasting.latencies.quantile(0.99)],
      unit: 'ms',
      goal: LATENCY_GOAL,
      detail:
        `${lasting.latencies.text}, a piece each 100 ms at most; ${rateText(lasting)}; ` +
        `ceiling ${ceiling}`,
    },
    {
      name: `  floor: ${READERS} streams in bare workerd, the same pieces, p99`,
      values: [bare.latencies.quantile(0.99)],
      unit: 'ms',
      goal: null,
      detail:
        `${bare.latencies.text}; each stream has a timer and writes the same bytes each 100 ms, of which the first event ` +
        `is 90 ms old: no records, no reading; ${bare.cores.toFixed(2)} cores`,
    },
    {
      name: `memory, 2nd half of ${LASTING_MS[length] / 1e3} s of SSE / 1st`,
      values: [second / first],
      goal: FLAT_GOAL,
      detail:
        `workerd ${megabytes(before)} before, ${megabytes(waiting)} with ${READERS} readers waiting, ` +
        `at most ${megabytes(Math.max(first, second))}`,
    },
  ]
}

const BARE_MS = { quick: 10_000, full: 30_000 }

/** Latencies of events that nobody had to store, find or encode for each reader. */
async function bareStreams(durationMs: number): Promise<{ latencies: Latencies; cores: number }> {
  const least = await startFloor({ worker: 'least' })
  const readers = await openReaders(least.httpPort, TOPIC, READERS)
  const latencies = new Latencies()
  for (const reader of readers) reader.latencies = latencies
  const before = cpuSeconds(least.pid)
  await sleep(durationMs)
  const cores = ((cpuSeconds(least.pid) - before) * 1e3) / durationMs
  for (const reader of readers) reader.close()
  await least.stop()
  return { latencies, cores }
}

interface Measured {
  /** Of every event, from sending it to having it. */
  readonly latencies: Latencies
  readonly eventsPerSecond: number
  /** Share of the events that were due, and came. */
  readonly share: number
  readonly brokerCores: number
  readonly ownCores: number
  /** Resident memory of workerd, sampled. */
  readonly memory: readonly number[]
}

async function measured(
  broker: Launched,
  readers: readonly SseReader[],
  perSecond: number,
  durationMs: number,
): Promise<Measured> {
  const pid = workerdOf(broker.pid)
  const latencies = new Latencies()
  for (const reader of readers) reader.latencies = latencies
  const memory: number[] = []
  const sampling = setInterval(() => memory.push(residentBytes(pid)), 250)
  const cpuBefore = cpuSeconds(pid)
  const ownBefore = process.cpuUsage()
  const startMs = performance.now()
  const { sent } = await openLoop({
    port: broker.kafkaPort,
    topic: TOPIC,
    perSecond,
    durationMs,
    record: () => ({ partition: 0, value: Buffer.from(SentTimes.stamp(Date.now())) }),
  })
  const seconds = (performance.now() - startMs) / 1e3
  const brokerCores = (cpuSeconds(pid) - cpuBefore) / seconds
  const own = process.cpuUsage(ownBefore)
  const inTime = latencies.count
  await sleep(DRAINED_MS)
  clearInterval(sampling)
  return {
    latencies,
    eventsPerSecond: inTime / seconds,
    share: latencies.count / (sent * readers.length),
    brokerCores,
    ownCores: (own.user + own.system) / 1e6 / seconds,
    memory,
  }
}

function rateText({ eventsPerSecond, share, brokerCores, ownCores }: Measured): string {
  return (
    `${eventsPerSecond.toFixed(0)} events/s, ${(100 * share).toFixed(2)} % of them came, ` +
    `${brokerCores.toFixed(2)} cores (load generator ${ownCores.toFixed(2)})`
  )
}

/** The most events a second that came in time, all of them. */
async function ceilingOf(
  broker: Launched,
  readers: readonly SseReader[],
  stepMs: number,
): Promise<string> {
  let best = 'below the first step'
  for (const perSecond of STEPS) {
    const step = await measured(broker, readers, perSecond, stepMs)
    const p99 = step.latencies.quantile(0.99)
    if (step.share < 1 || p99 > LATENCY_GOAL.atMost) {
      return `${best} (at ${perSecond} records/s p99 is ${p99.toFixed(0)} ms; ${rateText(step)})`
    }
    best = rateText(step)
  }
  return best
}
