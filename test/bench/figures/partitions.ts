// Produce to 8 partitions by 4 producers: against one partition and one producer on the same broker by our
// own load client, and against Kafka by librdkafka, whose producers are threads of one process.

import { LoadClient } from '../client.ts'
import { startFloor } from '../floor.ts'
import {
  BATCH_BYTES,
  BATCH_RECORDS,
  createTopic,
  produce,
  produceRequest,
  TOPIC,
} from '../kafka.ts'
import { RECORD_BYTES } from '../load/java-tools.ts'
import { LeastClient, leastAppend } from '../load/least.ts'
import { prepareRdkafka, rdkafkaProduce } from '../load/librdkafka.ts'
import { writeBack } from '../processes.ts'
import {
  byTurns,
  type Figure,
  floorFigure,
  megabytesPerSecond,
  ratios,
  roundsWithinMs,
} from '../rounds.ts'
import { shareKafka } from '../systems/kafka.ts'
import { startOttla } from '../systems/ottla.ts'
import { orMissing } from '../systems/system.ts'

const ONE_PARTITION_GOAL = { atLeast: 0.9 }
const KAFKA_GOAL = { atLeast: 1 }

const PARTITIONS = 8
const PRODUCERS = 4
/** In all. */
const IN_FLIGHT = 16

const RDKAFKA_TOPIC = 'bench-partitions'

/** Both comparisons. */
export async function partitionFigures(quick: boolean): Promise<Figure[]> {
  const ottla = await startOttla()
  const figures = await besideOnePartition(ottla.kafkaPort, quick)
  const kafka = await shareKafka('default')
  const isReady = await orMissing('librdkafka (load generator)', prepareRdkafka)
  if (kafka !== null && isReady !== null) {
    figures.push(...(await besideKafka(ottla.kafkaPort, kafka.kafkaPort, quick)))
  }
  await kafka?.stop()
  await ottla.stop()
  return figures
}

/** A topic of nine: the ninth partition is the one that is written alone. */
async function besideOnePartition(port: number, quick: boolean): Promise<Figure[]> {
  const clients = await Promise.all(Array.from({ length: PRODUCERS }, () => LoadClient.open(port)))
  const [first] = clients
  await createTopic(first!, TOPIC, PARTITIONS + 1)
  const requests = Array.from({ length: PARTITIONS + 1 }, (_, partition) =>
    produceRequest(BATCH_RECORDS, partition),
  )
  const batches = quick ? 384 : 1_024
  const rate = async (act: () => Promise<unknown>) => {
    const startMs = performance.now()
    await act()
    return (batches * BATCH_BYTES * 1e3) / (performance.now() - startMs)
  }
  // Each producer has two of the partitions, and sends to them in turn.
  const share = (client: LoadClient, producer: number) => {
    const request = requests
      .slice(0, PARTITIONS)
      .filter((_, index) => index % PRODUCERS === producer)
    return produce(client, { request, count: batches / PRODUCERS, inFlight: IN_FLIGHT / PRODUCERS })
  }
  const floor = await startFloor({ worker: 'least' })
  const least = await Promise.all(clients.map(() => LeastClient.open(floor.tcpPort)))
  const leastRequests = requests.map(({ length }, partition) => leastAppend(length, partition))
  const leastShare = (client: LeastClient, producer: number) => {
    const request = leastRequests
      .slice(0, PARTITIONS)
      .filter((_, index) => index % PRODUCERS === producer)
    const count = batches / PRODUCERS
    return client.append({ request, count, inFlight: IN_FLIGHT / PRODUCERS })
  }
  const systems = {
    leastOne: () => {
      const request = leastRequests[PARTITIONS]!
      return rate(() => least[0]!.append({ request, count: batches, inFlight: IN_FLIGHT }))
    },
    leastMany: () => rate(() => Promise.all(least.map(leastShare))),
    one: () => {
      const request = requests[PARTITIONS]!
      return rate(() => produce(first!, { request, count: batches, inFlight: IN_FLIGHT }))
    },
    many: () => rate(() => Promise.all(clients.map((client, index) => share(client, index)))),
  }
  await byTurns(2, systems)
  const rates = await byTurns(quick ? 5 : 11, systems, roundsWithinMs(quick), writeBack)
  const { one, many, leastOne, leastMany } = rates
  for (const client of [...clients, ...least]) client.close()
  await floor.stop()
  return [
    {
      name: `produce, ${PARTITIONS} partitions, ${PRODUCERS} producers / one partition`,
      values: ratios(many, one),
      goal: ONE_PARTITION_GOAL,
      detail: `${megabytesPerSecond(many)}, one partition ${megabytesPerSecond(one)}; batches of 64 KiB, ${IN_FLIGHT} in flight in all`,
    },
    floorFigure(
      'the least broker, 8 objects / one object',
      ratios(leastMany, leastOne),
      `${megabytesPerSecond(leastMany)}, one ${megabytesPerSecond(leastOne)}: eight files, so eight commits with an fsync each, one after the other on workerd's one thread`,
    ),
  ]
}

/** What librdkafka's batches come to, and what is in flight of each producer. */
const ROW_BYTES = 1024 * 1024
const ROWS_IN_FLIGHT = 5

async function besideKafka(ours: number, theirs: number, quick: boolean): Promise<Figure[]> {
  for (const port of [ours, theirs]) {
    const client = await LoadClient.open(port)
    await createTopic(client, RDKAFKA_TOPIC, PARTITIONS)
    client.close()
  }
  const records = quick ? 80_000 : 250_000
  const load = { partitions: PARTITIONS, producers: PRODUCERS, records }
  const floor = await startFloor({ worker: 'least' })
  const clients = await Promise.all(
    Array.from({ length: PRODUCERS }, () => LeastClient.open(floor.tcpPort)),
  )
  const count = Math.ceil((records * RECORD_BYTES) / ROW_BYTES / PRODUCERS)
  const share = (client: LeastClient, producer: number) => {
    const request = [leastAppend(ROW_BYTES, producer), leastAppend(ROW_BYTES, producer + PRODUCERS)]
    return client.append({ request, count, inFlight: ROWS_IN_FLIGHT })
  }
  const systems = {
    ottla: () => rdkafkaProduce(ours, RDKAFKA_TOPIC, load),
    kafka: () => rdkafkaProduce(theirs, RDKAFKA_TOPIC, load),
    async least() {
      const ms = Math.max(...(await Promise.all(clients.map(share))))
      return (count * PRODUCERS * ROW_BYTES * 1e3) / ms
    },
  }
  await byTurns(1, systems)
  const rates = await byTurns(quick ? 3 : 7, systems, roundsWithinMs(quick), writeBack)
  const { ottla, kafka, least } = rates
  for (const client of clients) client.close()
  await floor.stop()
  return [
    {
      name: `produce, ${PARTITIONS} partitions, ${PRODUCERS} producers / Kafka default`,
      values: ratios(ottla, kafka),
      goal: KAFKA_GOAL,
      detail: `${megabytesPerSecond(ottla)}, Kafka ${megabytesPerSecond(kafka)}; librdkafka`,
    },
    floorFigure(
      'the least broker, 8 objects / Kafka default',
      ratios(least, kafka),
      `${megabytesPerSecond(least)} in rows of 1 MiB, with nothing but the bytes and the commits; Kafka's default syncs nothing`,
    ),
  ]
}
