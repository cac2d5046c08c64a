// Records at a fixed rate from a producer to a consumer that waits at the end, both librdkafka in one
// process: from when a record was due to when it arrived. Open loop, so a broker that stalls is charged
// for every record that was due meanwhile (no coordinated omission).

import { LoadClient } from '../client.ts'
import { startFloor } from '../floor.ts'
import { createTopic, produceRequest, TOPIC } from '../kafka.ts'
import { leastOpenLoop } from '../load/least.ts'
import { prepareRdkafka, rdkafkaEndToEnd } from '../load/librdkafka.ts'
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
import { type KafkaSystem, startOttla } from '../systems/ottla.ts'
import { orMissing } from '../systems/system.ts'

const GOAL = { atMost: 1 / 2 }
const PER_SECOND = 1_000

const LEAST = 'the least broker'

/** All in milliseconds. */
interface Measured {
  readonly arrivals: readonly number[]
  readonly acks: readonly number[]
}

const RANKS = { p50: 0.5, p99: 0.99 }

/** At 1,000 records of 1 KiB per second, against Kafka's default and flushed. */
export async function endToEndFigures(quick: boolean): Promise<Figure[]> {
  if ((await orMissing('librdkafka (load generator)', prepareRdkafka)) === null) return []
  const kafka = await shareKafka('default')
  const flushed = quick ? null : await shareKafka('flushed')
  const brokers: Readonly<Record<string, KafkaSystem | null>> = {
    ottla: await startOttla(),
    'Kafka default': kafka,
    'Kafka flushed': flushed,
  }
  const running = Object.entries(brokers).filter(
    (entry): entry is [string, KafkaSystem] => entry[1] !== null,
  )
  const seconds = quick ? 2 : 6
  for (const [, { kafkaPort }] of running) {
    const client = await LoadClient.open(kafkaPort)
    await createTopic(client)
    client.close()
  }
  const floor = await startFloor({ worker: 'least' })
  const bytes = produceRequest(1).length
  const systems: Record<string, () => Promise<Measured>> = Object.fromEntries(
    running.map(([name, { kafkaPort }]) => [
      name,
      () => rdkafkaEndToEnd(kafkaPort, TOPIC, { perSecond: PER_SECOND, seconds }),
    ]),
  )
  systems[LEAST] = async () => {
    const acks = await leastOpenLoop(floor.tcpPort, { bytes, perSecond: PER_SECOND, seconds })
    return { acks, arrivals: acks }
  }
  await byTurns(1, systems)
  const measured = await byTurns(quick ? 3 : 5, systems, roundsWithinMs(quick), writeBack)
  await floor.stop()
  for (const [, broker] of running) await broker.stop()
  return [
    ...Object.keys(measured)
      .filter((name) => name !== 'ottla' && name !== LEAST)
      .flatMap((name) => besides(name, measured)),
    ...floors(measured),
  ]
}

/** The acknowledgement alone, where nobody reads: it cannot arrive anywhere before. */
function floors(measured: Readonly<Record<string, readonly Measured[]>>): Figure[] {
  const kafka = measured['Kafka default']
  if (kafka === undefined) return []
  return (['p50', 'p99'] as const).map((rank) => {
    const ours = measured[LEAST]!.map(({ acks }) => quantile(acks, RANKS[rank]))
    const theirs = kafka.map(({ arrivals }) => quantile(arrivals, RANKS[rank]))
    return floorFigure(
      `the least broker's acknowledgement, ${rank} / Kafka default end to end`,
      ratios(ours, theirs),
      `${milliseconds(ours)}, Kafka default ${milliseconds(theirs)}: it waits for an fsync, Kafka's default for none`,
    )
  })
}

function besides(name: string, measured: Readonly<Record<string, readonly Measured[]>>): Figure[] {
  const figure = (
    what: string,
    part: 'arrivals' | 'acks',
    rank: 'p50' | 'p99',
    goal: Goal | null,
  ): Figure => {
    const ours = measured.ottla!.map((each) => quantile(each[part], RANKS[rank]))
    const theirs = measured[name]!.map((each) => quantile(each[part], RANKS[rank]))
    return {
      name: `${what} at ${PER_SECOND}/s, ${rank} / ${name}`,
      values: ratios(ours, theirs),
      goal,
      detail: `${milliseconds(ours)}, ${name} ${milliseconds(theirs)}; from when each record was due`,
    }
  }
  return [
    figure('end to end', 'arrivals', 'p50', null),
    figure('end to end', 'arrivals', 'p99', name === 'Kafka default' ? GOAL : null),
    figure('  its acknowledgement', 'acks', 'p99', null),
  ]
}

function milliseconds(values: readonly number[]): string {
  return `${median(values).toFixed(2)} ms`
}
