// Produce of batches with acks=all to one partition by our own load client, which costs least beside the
// broker: against a raw insert loop of rows as large as those that were written, and against Kafka. Then
// whether a flush writes one row. Kafka's own tools are in tools.ts, requests of one record in requests.ts.

import { LoadClient } from '../client.ts'
import { chunkRows, commitsInLog, type Rows } from '../data-file.ts'
import { startFloor } from '../floor.ts'
import {
  BATCH_BYTES,
  BATCH_RECORDS,
  createTopic,
  type ProduceLoad,
  produce,
  produceRequest,
} from '../kafka.ts'
import { launch } from '../launcher.ts'
import { LeastClient, leastAppend } from '../load/least.ts'
import { newFolder, writeBack } from '../processes.ts'
import {
  byTurns,
  type Figure,
  floorFigure,
  median,
  megabytesPerSecond,
  ratios,
  roundsWithinMs,
} from '../rounds.ts'
import { shareKafka } from '../systems/kafka.ts'
import { announceOttla, type KafkaSystem } from '../systems/ottla.ts'
import { present } from '../systems/system.ts'

/** Of the loop, or as much of it as this many times Kafka's default rate where that is less. */
const LOOP_GOAL = 0.85
const KAFKA_GOAL = 1.5
const FLUSHED_GOAL = { atLeast: 4 }
const ROWS_GOAL = { atMost: 1 }

const BATCHES_IN_FLIGHT = 16
const REQUESTS_IN_FLIGHT = 64
const WARM_UPS = 2

/** Bytes per second of batches of 64 KiB. */
export async function batchFigures(quick: boolean): Promise<Figure[]> {
  announceOttla()
  const request = produceRequest(BATCH_RECORDS)
  const count = 4 * Math.round((quick ? 32e6 : 64e6) / request.length / 4)
  const load = { request, count, inFlight: BATCHES_IN_FLIGHT }
  const trial = await rowsOf(load)
  const rowBytes = Math.round(trial.bytes / trial.rows)
  const loop = `/insert?rows=${trial.rows}&rowBytes=${rowBytes}`
  const floor = await startFloor({ worker: 'log' })
  const leastFloor = await startFloor({ worker: 'least' })
  const least = await LeastClient.open(leastFloor.tcpPort)
  const leastLoad = { ...load, request: leastAppend(request.length) }
  const kafka = await KafkaBatches.start('default')
  const flushed = await KafkaBatches.start('flushed')
  let rates: Record<string, number[]> = {}
  const { data } = await withBroker(async (client) => {
    const systems = present({
      ottla: async () => (count * BATCH_BYTES * 1e3) / (await produce(client, load)),
      async loop() {
        const { bytes, ms } = await floor.run(loop)
        return (bytes * 1e3) / ms
      },
      least: async () => (count * BATCH_BYTES * 1e3) / (await least.append(leastLoad)),
      kafka: kafka && (() => kafka.rate(load)),
      // A quarter of the bytes: it takes longer than the others together.
      flushed: flushed && (() => flushed.rate({ ...load, count: count / 4 })),
    })
    await byTurns(WARM_UPS, systems)
    rates = await byTurns(quick ? 5 : 15, systems, roundsWithinMs(quick), writeBack)
  })
  least.close()
  await leastFloor.stop()
  await floor.stop()
  await kafka?.stop()
  await flushed?.stop()
  const written = chunkRows(data, WARM_UPS * count * BATCH_RECORDS)
  const inRow = kibibytes(written.bytes / written.rows)
  const rowText = `rows of ${inRow} (the loop's ${kibibytes(rowBytes)}), ${BATCHES_IN_FLIGHT} requests in flight`
  return figuresOf(rates, rowText)
}

function figuresOf(rates: Readonly<Record<string, number[]>>, rowText: string): Figure[] {
  const ottla = rates.ottla!
  const loop = rates.loop!
  const least = rates.least!
  const ours = megabytesPerSecond(ottla)
  const { goal, goalText } = loopGoal(loop, rates.kafka)
  const figures: Figure[] = [
    {
      name: 'produce 64 KiB batches / raw insert loop',
      values: ratios(ottla, loop),
      goal,
      detail: `${ours}, loop ${megabytesPerSecond(loop)}; ${rowText}; ${goalText}`,
    },
    floorFigure(
      'the least broker / raw insert loop',
      ratios(least, loop),
      `${megabytesPerSecond(least)}: the same requests, one object, one row and one commit for all that wait, no checks; here ${median(ratios(ottla, least)).toFixed(2)} of it`,
    ),
  ]
  if (rates.kafka !== undefined) {
    figures.push({
      name: 'produce 64 KiB batches / Kafka default',
      values: ratios(ottla, rates.kafka),
      goal: null,
      detail: `${ours}, Kafka ${megabytesPerSecond(rates.kafka)}; the same load client`,
    })
  }
  if (rates.flushed !== undefined) {
    figures.push({
      name: 'produce 64 KiB batches / Kafka flushed',
      values: ratios(ottla, rates.flushed),
      goal: FLUSHED_GOAL,
      detail: `${ours}, Kafka ${megabytesPerSecond(rates.flushed)}; the same load client`,
    })
    figures.push(
      floorFigure(
        'the least broker / Kafka flushed',
        ratios(least, rates.flushed),
        `${megabytesPerSecond(least)}: the same requests, one object, one row and one commit for all that wait, no checks`,
      ),
    )
  }
  return figures
}

/** The lesser of both goals, as a share of the loop. */
function loopGoal(loop: readonly number[], kafka: readonly number[] | undefined) {
  const share = kafka === undefined ? 1 : (KAFKA_GOAL * median(kafka)) / median(loop)
  return {
    goal: { atLeast: Math.min(LOOP_GOAL, share) },
    goalText:
      share < LOOP_GOAL
        ? `the goal is ${KAFKA_GOAL}× Kafka default, which is less than ${LOOP_GOAL} of the loop`
        : `the goal is ${LOOP_GOAL} of the loop`,
  }
}

/** Kafka with the topic of the bench and one connection. */
class KafkaBatches {
  readonly #kafka: KafkaSystem
  readonly #client: LoadClient

  private constructor(kafka: KafkaSystem, client: LoadClient) {
    this.#kafka = kafka
    this.#client = client
  }

  static async start(kind: 'default' | 'flushed'): Promise<KafkaBatches | null> {
    const kafka = await shareKafka(kind)
    if (kafka === null) return null
    const client = await LoadClient.open(kafka.kafkaPort)
    await createTopic(client)
    return new KafkaBatches(kafka, client)
  }

  async rate(load: ProduceLoad): Promise<number> {
    return (load.count * BATCH_BYTES * 1e3) / (await produce(this.#client, load))
  }

  stop(): Promise<void> {
    this.#client.close()
    return this.#kafka.stop()
  }
}

/** Rows that a new broker writes under this load, its code warm. */
async function rowsOf(load: ProduceLoad): Promise<Rows> {
  const { data } = await withBroker(async (client) => {
    await produce(client, load)
    await produce(client, load)
  })
  return chunkRows(data, load.count * BATCH_RECORDS)
}

/** Rows of a few dozen flushes against the commits in the write-ahead log that a kill left. */
export async function rowFigures(): Promise<Figure[]> {
  const request = produceRequest(1)
  const count = 600
  const { data } = await withBroker(async (client) => {
    await produce(client, { request, count, inFlight: REQUESTS_IN_FLIGHT })
  }, 'kill')
  const commits = commitsInLog(data)
  const { rows } = chunkRows(data, 0)
  return [
    {
      name: 'rows written / flush',
      values: [rows / commits],
      goal: ROWS_GOAL,
      detail: `${count} one-record requests made ${rows} rows in ${commits} commits`,
    },
  ]
}

/** Runs `act` on a new broker with the topic; it is gone, and its data folder readable, afterwards. */
async function withBroker(
  act: (client: LoadClient) => Promise<void>,
  ending: 'stop' | 'kill' = 'stop',
): Promise<{ readonly data: string }> {
  const data = newFolder()
  const broker = await launch(process.execPath, data)
  const client = await LoadClient.open(broker.kafkaPort)
  await createTopic(client)
  await act(client)
  if (ending === 'kill') await broker.kill()
  client.close()
  await broker.stop()
  return { data }
}

function kibibytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(0)} KiB`
}
