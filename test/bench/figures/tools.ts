// Kafka's own ProducerPerformance and ConsumerPerformance and a generator on librdkafka, each on Ottla and on
// Kafka: the rate that a user's client sees, and the processor time that the broker spends for it. The
// client has the other core, and is often what the rate is bound by; the processor time tells brokers apart.

import { LoadClient } from '../client.ts'
import { startFloor } from '../floor.ts'
import { createTopic } from '../kafka.ts'
import { consumerPerformance, producerPerformance, RECORD_BYTES } from '../load/java-tools.ts'
import { LeastClient, leastAppend } from '../load/least.ts'
import { prepareRdkafka, rdkafkaConsume, rdkafkaProduce } from '../load/librdkafka.ts'
import { writeBack } from '../processes.ts'
import {
  byTurns,
  type Figure,
  floorFigure,
  type Goal,
  median,
  megabytesPerSecond,
  ratios,
  roundsWithinMs,
} from '../rounds.ts'
import { cpuSeconds } from '../scale/process-stats.ts'
import { shareKafka } from '../systems/kafka.ts'
import { type KafkaSystem, startOttla } from '../systems/ottla.ts'
import { orMissing } from '../systems/system.ts'

const FLUSHED_GOAL = { atLeast: 4 }
const CPU_GOAL = { atMost: 1 }

/** What one run of a generator came to. */
interface Run {
  /** Bytes of records per second, as the generator counts. */
  readonly rate: number
  /** Processor seconds of the broker per 10⁹ bytes of records. */
  readonly cpuPerGigabyte: number
}

interface Generator {
  readonly name: string
  /** Gives bytes per second. */
  produce(port: number, topic: string, records: number): Promise<number>
  consume(port: number, topic: string, records: number): Promise<number>
}

const JAVA: Generator = {
  name: "Kafka's tool",
  produce: producerPerformance,
  consume: consumerPerformance,
}
const LIBRDKAFKA: Generator = {
  name: 'librdkafka',
  produce: (port, topic, records) =>
    rdkafkaProduce(port, topic, { partitions: 1, producers: 1, records }),
  consume: rdkafkaConsume,
}

/** Rates of producing and consuming by each generator, and the broker's processor time for both. */
export async function toolFigures(quick: boolean): Promise<Figure[]> {
  const brokers = await startBrokers()
  const figures: Figure[] = []
  // Its runs take longest: the quick bench has librdkafka alone.
  if (brokers.kafka !== undefined && !quick) {
    figures.push(...(await measure(JAVA, brokers, quick)))
  }
  if ((await orMissing('librdkafka (load generator)', prepareRdkafka)) !== null) {
    figures.push(...(await measure(LIBRDKAFKA, brokers, quick)))
  }
  for (const broker of Object.values(brokers)) await broker.stop()
  return figures
}

async function startBrokers(): Promise<Readonly<Record<string, KafkaSystem>>> {
  const kafka = await shareKafka('default')
  const flushed = await shareKafka('flushed')
  return {
    ottla: await startOttla(),
    ...(kafka === null ? {} : { kafka }),
    ...(flushed === null ? {} : { flushed }),
  }
}

/**
 * The rounds write to one topic. What is read is another, written once as they warm up: it ends where the
 * reading ends, so that nothing is sent ahead to a client that will not count it.
 */
async function measure(
  generator: Generator,
  brokers: Readonly<Record<string, KafkaSystem>>,
  quick: boolean,
): Promise<Figure[]> {
  const written = `bench-${generator.name.replaceAll(/\W/g, '-')}`
  const read = `${written}-read`
  const records = quick ? 80_000 : 250_000
  const rounds = quick ? 2 : 5
  for (const broker of Object.values(brokers)) await createTopics(broker, [written, read])
  const produce = (topic: string) =>
    perBroker(
      brokers,
      (broker) => () =>
        counted(broker, records, () => generator.produce(broker.kafkaPort, topic, records)),
    )
  await byTurns(1, produce(read))
  const floors = generator === LIBRDKAFKA ? await startFloors(records) : null
  const producing: Record<string, () => Promise<Run>> = { ...produce(written), ...floors?.systems }
  const produced = await byTurns(rounds, producing, roundsWithinMs(quick), writeBack)
  await floors?.stop()
  // What is read does not depend on how it was flushed.
  const { flushed: _, ...readers } = brokers
  const consuming = perBroker(
    readers,
    (broker) => () =>
      counted(broker, records, () => generator.consume(broker.kafkaPort, read, records)),
  )
  await byTurns(1, consuming)
  const consumed = await byTurns(rounds, consuming, roundsWithinMs(quick))
  return [
    ...rateFigures(`produce by ${generator.name}`, produced),
    ...floorRates(produced),
    ...cpuFigures(`broker CPU per GB produced by ${generator.name}`, produced),
    ...floorCpu(produced),
    ...rateFigures(`consume from the start by ${generator.name}`, consumed),
    ...cpuFigures(`broker CPU per GB consumed by ${generator.name}`, consumed),
  ]
}

const LOOP = 'raw insert loop'
const LEAST = 'the least broker'
const FLOORS: readonly string[] = [LOOP, LEAST]

/** What librdkafka's batches come to, and what is in flight. */
const ROW_BYTES = 1024 * 1024
const REQUESTS_IN_FLIGHT = 5

/** The same bytes with no Kafka protocol and no checks. */
async function startFloors(records: number) {
  const loop = await startFloor({ worker: 'log' })
  const least = await startFloor({ worker: 'least' })
  const client = await LeastClient.open(least.tcpPort)
  const count = Math.ceil((records * RECORD_BYTES) / ROW_BYTES)
  const request = leastAppend(ROW_BYTES)
  const rateOf = (ms: number) => (count * ROW_BYTES * 1e3) / ms
  return {
    systems: {
      [LOOP]: () =>
        counted(loop, records, async () =>
          rateOf((await loop.run(`/insert?rows=${count}&rowBytes=${ROW_BYTES}`)).ms),
        ),
      [LEAST]: () =>
        counted(least, records, async () =>
          rateOf(await client.append({ request, count, inFlight: REQUESTS_IN_FLIGHT })),
        ),
    },
    async stop() {
      client.close()
      await loop.stop()
      await least.stop()
    },
  }
}

/** No row is synced sooner than the loop syncs it. */
function floorRates(runs: Runs): Figure[] {
  const { flushed } = runs
  return FLOORS.filter((name) => runs[name] !== undefined && flushed !== undefined).map((name) => {
    const ours = runs[name]!.map(({ rate }) => rate)
    const theirs = flushed!.map(({ rate }) => rate)
    const detail = `${megabytesPerSecond(ours)} in rows of 1 MiB, Kafka flushed ${megabytesPerSecond(theirs)} by librdkafka, whose batches are as large`
    return floorFigure(`${name} / Kafka flushed`, ratios(ours, theirs), detail)
  })
}

function floorCpu(runs: Runs): Figure[] {
  const { kafka } = runs
  return FLOORS.filter((name) => runs[name] !== undefined && kafka !== undefined).map((name) => {
    const ours = runs[name]!.map(({ cpuPerGigabyte }) => cpuPerGigabyte)
    const theirs = kafka!.map(({ cpuPerGigabyte }) => cpuPerGigabyte)
    const detail = `${median(ours).toFixed(2)} s/GB: SQLite writes each byte to its log and again to its file`
    return floorFigure(`CPU per GB of ${name} / Kafka default`, ratios(ours, theirs), detail)
  })
}

async function createTopics({ kafkaPort }: KafkaSystem, topics: readonly string[]): Promise<void> {
  const client = await LoadClient.open(kafkaPort)
  for (const topic of topics) await createTopic(client, topic)
  client.close()
}

async function counted(
  broker: { readonly pid: number },
  records: number,
  act: () => Promise<number>,
): Promise<Run> {
  const before = cpuSeconds(broker.pid)
  const rate = await act()
  const spent = cpuSeconds(broker.pid) - before
  return { rate, cpuPerGigabyte: (spent * 1e9) / (records * RECORD_BYTES) }
}

type Runs = Readonly<Record<string, readonly Run[]>>

function rateFigures(what: string, runs: Runs): Figure[] {
  const rates = (name: string) => runs[name]!.map(({ rate }) => rate)
  return Object.keys(runs)
    .filter((name) => name !== 'ottla' && !FLOORS.includes(name))
    .map((name) => {
      return figure(`${what} / Kafka ${spelled(name)}`, rates('ottla'), rates(name), {
        goal: name === 'flushed' ? FLUSHED_GOAL : null,
        show: megabytesPerSecond,
      })
    })
}

function cpuFigures(what: string, runs: Runs): Figure[] {
  if (runs.kafka === undefined) return []
  const seconds = (name: string) => runs[name]!.map(({ cpuPerGigabyte }) => cpuPerGigabyte)
  const show = (values: readonly number[]) => `${median(values).toFixed(2)} s/GB`
  return [
    figure(`${what} / Kafka default`, seconds('ottla'), seconds('kafka'), { goal: CPU_GOAL, show }),
  ]
}

function figure(
  name: string,
  ours: readonly number[],
  theirs: readonly number[],
  { goal, show }: { goal: Goal | null; show: (values: readonly number[]) => string },
): Figure {
  return {
    name,
    values: ratios(ours, theirs),
    goal,
    detail: `${show(ours)}, Kafka ${show(theirs)}`,
  }
}

function spelled(name: string): string {
  return name === 'kafka' ? 'default' : name
}

function perBroker(
  brokers: Readonly<Record<string, KafkaSystem>>,
  measured: (broker: KafkaSystem) => () => Promise<Run>,
): Record<string, () => Promise<Run>> {
  return Object.fromEntries(
    Object.entries(brokers).map(([name, broker]) => [name, measured(broker)]),
  )
}
