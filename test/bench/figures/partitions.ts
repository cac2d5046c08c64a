// Produce to 8 partitions by 4 producers: against one partition and one producer on the same broker by our
// own load client, and against Kafka by librdkafka, whose producers are threads of one process.

import { LoadClient } from '../client.ts'
import {
  BATCH_BYTES,
  BATCH_RECORDS,
  createTopic,
  produce,
  produceRequest,
  TOPIC,
} from '../kafka.ts'
import { prepareRdkafka, rdkafkaProduce } from '../load/librdkafka.ts'
import { writeBack } from '../processes.ts'
import { byTurns, type Figure, megabytesPerSecond, ratios, roundsWithinMs } from '../rounds.ts'
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
    figures.push(await besideKafka(ottla.kafkaPort, kafka.kafkaPort, quick))
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
  const systems = {
    one: () => {
      const request = requests[PARTITIONS]!
      return rate(() => produce(first!, { request, count: batches, inFlight: IN_FLIGHT }))
    },
    many: () => rate(() => Promise.all(clients.map((client, index) => share(client, index)))),
  }
  await byTurns(2, systems)
  const { one, many } = await byTurns(quick ? 5 : 11, systems, roundsWithinMs(quick), writeBack)
  for (const client of clients) client.close()
  return [
    {
      name: `produce, ${PARTITIONS} partitions, ${PRODUCERS} producers / one partition`,
      values: ratios(many, one),
      goal: ONE_PARTITION_GOAL,
      detail: `${megabytesPerSecond(many)}, one partition ${megabytesPerSecond(one)}; batches of 64 KiB, ${IN_FLIGHT} in flight in all`,
    },
  ]
}

async function besideKafka(ours: number, theirs: number, quick: boolean): Promise<Figure> {
  for (const port of [ours, theirs]) {
    const client = await LoadClient.open(port)
    await createTopic(client, RDKAFKA_TOPIC, PARTITIONS)
    client.close()
  }
  const records = quick ? 80_000 : 250_000
  const load = { partitions: PARTITIONS, producers: PRODUCERS, records }
  const systems = {
    ottla: () => rdkafkaProduce(ours, RDKAFKA_TOPIC, load),
    kafka: () => rdkafkaProduce(theirs, RDKAFKA_TOPIC, load),
  }
  await byTurns(1, systems)
  const { ottla, kafka } = await byTurns(quick ? 3 : 7, systems, roundsWithinMs(quick), writeBack)
  return {
    name: `produce, ${PARTITIONS} partitions, ${PRODUCERS} producers / Kafka default`,
    values: ratios(ottla, kafka),
    goal: KAFKA_GOAL,
    detail: `${megabytesPerSecond(ottla)}, Kafka ${megabytesPerSecond(kafka)}; librdkafka`,
  }
}
