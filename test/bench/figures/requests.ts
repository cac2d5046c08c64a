// Requests of one record of 1 KiB on one connection: how many per second with 64 in flight, and how long
// each takes with one in flight. The same client and the same value everywhere; every answer means what the
// system's settings make of it, so the goals are against those that sync before they answer.

import { startFloor } from '../floor.ts'
import {
  floorPipeline,
  kafkaPipeline,
  natsPipeline,
  type Pipeline,
  redisPipeline,
} from '../load/pipelines.ts'
import { writeBack } from '../processes.ts'
import {
  byTurns,
  type Figure,
  floorFigure,
  type Goal,
  median,
  ratios,
  roundsWithinMs,
} from '../rounds.ts'
import { quantile } from '../scale/quantile.ts'
import { shareKafka } from '../systems/kafka.ts'
import { startNats } from '../systems/nats.ts'
import { startOttla } from '../systems/ottla.ts'
import { startRedis } from '../systems/redis.ts'

const IN_FLIGHT = 64

type Name =
  | 'ottla'
  | 'one commit each'
  | 'Redis always'
  | 'Redis everysec'
  | 'NATS synced'
  | 'NATS default'
  | 'Kafka flushed'
  | 'Kafka default'

/** Null for a rival whose answers mean less than ours: it is shown, there is nothing to reach. */
const RATE_GOALS: Readonly<Partial<Record<Name, Goal | null>>> = {
  'one commit each': { atLeast: 2.5 },
  'Redis always': { atLeast: 0.7 },
  'NATS synced': { atLeast: 1 },
  'Kafka flushed': null,
  'Redis everysec': null,
  'NATS default': null,
  'Kafka default': null,
}

/** A round of latencies ends after so many requests, or after so long when a disk is slow. */
const LATENCIES = {
  quick: { count: 400, withinMs: 1_000 },
  full: { count: 1_000, withinMs: 3_000 },
}

/** Requests per second. */
export async function requestFigures(quick: boolean): Promise<Figure[]> {
  const open = await openAll([
    'ottla',
    ...(Object.keys(RATE_GOALS) as Name[]).filter((name) => !quick || RATE_GOALS[name] !== null),
  ])
  const load = { inFlight: IN_FLIGHT, withinMs: quick ? 300 : 600 }
  const systems = perSystem(open, (pipeline) => () => pipeline.rate(load))
  await byTurns(2, systems)
  const rates = await byTurns(quick ? 5 : 11, systems, roundsWithinMs(quick), writeBack)
  await closeAll(open)
  return rivals(open).map((name) => ({
    name: `one-record requests, ${IN_FLIGHT} in flight / ${name}`,
    values: ratios(rates.ottla!, rates[name]!),
    goal: RATE_GOALS[name] ?? null,
    detail: `${perSecond(rates.ottla!)}, ${name} ${perSecond(rates[name]!)}`,
  }))
}

const FLUSHED_GOAL = { atMost: 1 / 3 }
const FLOOR_GOAL = { atMost: 1.5 }

const LATENCY_GOALS: Readonly<Partial<Record<Name, Goal | null>>> = {
  'one commit each': FLOOR_GOAL,
  'Kafka flushed': FLUSHED_GOAL,
  'Kafka default': null,
  'Redis always': null,
  'NATS synced': null,
}

/** Milliseconds from sending one record to its answer, the next one sent then. */
export async function latencyFigures(quick: boolean): Promise<Figure[]> {
  const open = await openAll([
    'ottla',
    ...(Object.keys(LATENCY_GOALS) as Name[]).filter(
      (name) => !quick || LATENCY_GOALS[name] !== null,
    ),
  ])
  const limits = quick ? LATENCIES.quick : LATENCIES.full
  const systems = perSystem(open, (pipeline) => () => latencies(pipeline, limits))
  await byTurns(2, systems)
  const measured = await byTurns(quick ? 5 : 11, systems, roundsWithinMs(quick), writeBack)
  await closeAll(open)
  const figures = rivals(open).flatMap((name) =>
    (['p50', 'p99'] as const).map((rank): Figure => {
      const ours = measured.ottla!.map((each) => each[rank])
      const theirs = measured[name]!.map((each) => each[rank])
      return {
        name: `produce latency, one in flight, ${rank} / ${named(name)}`,
        values: ratios(ours, theirs),
        goal: LATENCY_GOALS[name] ?? null,
        detail: `${milliseconds(ours)}, ${named(name)} ${milliseconds(theirs)}; of up to ${limits.count} requests a round`,
      }
    }),
  )
  return [...figures, ...latencyFloors(measured)]
}

/** What one commit and one call alone take, of Kafka's time: no broker on workerd answers sooner. */
function latencyFloors(
  measured: Readonly<Record<string, readonly { readonly p50: number; readonly p99: number }[]>>,
): Figure[] {
  const bare = measured['one commit each']
  const flushed = measured['Kafka flushed']
  if (bare === undefined || flushed === undefined) return []
  return (['p50', 'p99'] as const).map((rank) => {
    const ours = bare.map((each) => each[rank])
    const theirs = flushed.map((each) => each[rank])
    return floorFigure(
      `bare object append, one in flight, ${rank} / Kafka flushed`,
      ratios(ours, theirs),
      `${milliseconds(ours)}, Kafka flushed ${milliseconds(theirs)}: both wait for the same disk`,
    )
  })
}

async function latencies(
  pipeline: Pipeline,
  { count, withinMs }: { readonly count: number; readonly withinMs: number },
): Promise<{ readonly p50: number; readonly p99: number }> {
  const took: number[] = []
  const endMs = performance.now() + withinMs
  while (took.length < count && performance.now() < endMs) took.push(await pipeline.once())
  return { p50: quantile(took, 0.5), p99: quantile(took, 0.99) }
}

/** With one in flight, the floor is a bare append: one call of the object, one row, one commit. */
function named(name: Name): string {
  return name === 'one commit each' ? 'bare object append' : name
}

interface Open {
  readonly name: Name
  readonly pipeline: Pipeline
  stop(): Promise<void>
}

async function openAll(names: readonly Name[]): Promise<readonly Open[]> {
  const open: Open[] = []
  for (const name of names) {
    const system = await start(name)
    if (system !== null) open.push({ name, ...system })
  }
  return open
}

async function closeAll(open: readonly Open[]): Promise<void> {
  for (const { pipeline, stop } of open) {
    pipeline.close()
    await stop()
  }
}

async function start(name: Name): Promise<Omit<Open, 'name'> | null> {
  switch (name) {
    case 'ottla': {
      const { kafkaPort, stop } = await startOttla()
      return { pipeline: await kafkaPipeline(kafkaPort), stop }
    }
    case 'one commit each': {
      const floor = await startFloor({ worker: 'log' })
      return { pipeline: await floorPipeline(floor.tcpPort), stop: floor.stop }
    }
    case 'Kafka default':
    case 'Kafka flushed': {
      const kafka = await shareKafka(name === 'Kafka default' ? 'default' : 'flushed')
      return kafka && { pipeline: await kafkaPipeline(kafka.kafkaPort), stop: kafka.stop }
    }
    case 'NATS default':
    case 'NATS synced': {
      const nats = await startNats(name === 'NATS default' ? 'default' : 'synced')
      return nats && { pipeline: await natsPipeline(nats), stop: nats.stop }
    }
    case 'Redis always':
    case 'Redis everysec': {
      const redis = await startRedis(name === 'Redis always' ? 'always' : 'everysec')
      return redis && { pipeline: await redisPipeline(redis), stop: redis.stop }
    }
  }
}

function perSystem<Value>(
  open: readonly Open[],
  measure: (pipeline: Pipeline) => () => Promise<Value>,
): Record<string, () => Promise<Value>> {
  return Object.fromEntries(open.map(({ name, pipeline }) => [name, measure(pipeline)]))
}

function rivals(open: readonly Open[]): Name[] {
  return open.map(({ name }) => name).filter((name) => name !== 'ottla')
}

function perSecond(rates: readonly number[]): string {
  return `${median(rates).toFixed(0)}/s`
}

function milliseconds(values: readonly number[]): string {
  return `${median(values).toFixed(3)} ms`
}
