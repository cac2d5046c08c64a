// Twenty consumers that each read five hundred partitions full of records as fast as they can, with what
// clients ask for by default: that is 10 GB in answers at once if nothing bounds it. What the broker's
// memory comes to, and whether every consumer gets its share.

import { cpSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LoadClient } from '../client.ts'
import { startFloor } from '../floor.ts'
import { BATCH_RECORDS } from '../kafka.ts'
import { launch, objectsOf, workerdOf } from '../launcher.ts'
import { residentBytes } from '../memory.ts'
import { newFolder } from '../processes.ts'
import { type Figure, floorFigure, median, megabytes } from '../rounds.ts'
import { Consumer } from './consumer.ts'
import { createTopics, endOffsets, recordsRequest, sendRecords } from './requests.ts'

const GROWTH_GOAL = { atMost: 128e6 }
/** A consumer that gets less than half of what the one in the middle gets is being starved. */
const FAIR_GOAL = { atLeast: 0.5 }

const CONSUMERS = 20
const PARTITIONS = 500
const TOPIC = 'full'
const WRITERS = 4

/** Batches of 64 KiB in each partition: more than one answer takes of it. */
const BATCHES = { quick: 2, full: 8 }
const LASTING_MS = { quick: 15_000, full: 30_000 }

/** The defaults of Kafka's own consumer. */
const TERMS = { maxWaitMs: 500, maxBytes: 50 * 1024 * 1024, partitionMaxBytes: 1024 * 1024 }

/** A record of 1 KiB less one byte, as those of ../kafka.ts. */
const VALUE_BYTES = 1_014

/** Fewer answers say nothing about who is starved. */
const ANSWERS = 4

const SETTLED_MS = 1_000
const SAMPLE_MS = 20

/** Memory above idle, and the least that a consumer gets. */
export async function fullPartitionFigures(quick: boolean): Promise<Figure[]> {
  const length = quick ? 'quick' : 'full'
  const data = newFolder()
  const maker = await launch(process.execPath, data)
  await fill(maker.kafkaPort, BATCHES[length])
  await maker.stop()
  const bare = await bareGrowth(data)
  const broker = await launch(process.execPath, data)
  const pid = workerdOf(broker.pid)
  const consumers = await Promise.all(
    Array.from({ length: CONSUMERS }, (_, at) => consumerOf(broker.kafkaPort, at)),
  )
  await sleep(SETTLED_MS)
  const started = residentBytes(pid)
  const awake = await awakeBytes(broker.kafkaPort, pid)
  let peak = 0
  const sampling = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid))
  }, SAMPLE_MS)
  const startMs = performance.now()
  const running = Promise.all(consumers.map((consumer) => consumer.run()))
  await lasting(consumers, LASTING_MS[length])
  const seconds = (performance.now() - startMs) / 1e3
  const got = consumers.map(({ bytes }) => bytes)
  clearInterval(sampling)
  for (const consumer of consumers) consumer.close()
  await running
  await broker.stop()
  const all = got.reduce((sum, bytes) => sum + bytes, 0)
  return [
    {
      name: `${CONSUMERS} consumers × ${PARTITIONS} full partitions`,
      values: [peak - awake],
      unit: 'B',
      goal: GROWTH_GOAL,
      detail:
        `above idle with every partition awake: ${megabytes(peak)} at most, ${megabytes(awake)} idle so, ` +
        `${megabytes(started)} with none awake`,
    },
    {
      ...floorFigure(
        `${PARTITIONS} full partitions read by ${CONSUMERS} in bare workerd`,
        [bare],
        BARE_TEXT,
      ),
      unit: 'B',
    },
    {
      name: '  the least that one of them got / median',
      values: [Math.min(...got) / median(got)],
      goal: FAIR_GOAL,
      detail:
        `${megabytes(Math.min(...got))} to ${megabytes(Math.max(...got))} each, ` +
        `${megabytes(all / seconds)}/s together`,
    },
  ]
}

const BARE_TEXT =
  'above idle with every object awake: rows read by calls, none of them sent anywhere, no client that waits'

/** What reading the same files costs with no broker: as many at once, as much of each as one answer takes. */
async function bareGrowth(data: string): Promise<number> {
  const copy = newFolder()
  cpSync(objectsOf(data), copy, { recursive: true })
  const floor = await startFloor({ worker: 'least', objectsDir: copy })
  const ids = readdirSync(join(copy, 'ottla-Partition'))
    .filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name))
    .map((name) => basename(name, '.sqlite'))
  const readAll = async (bytes: number, first: number) => {
    for (let at = 0; at < ids.length; at++) {
      const id = ids[(first + at) % ids.length]
      await floor.run(`/read?id=${id}&bytes=${bytes}`)
    }
  }
  await readAll(0, 0)
  const awake = residentBytes(floor.pid)
  let peak = awake
  const sampling = setInterval(() => {
    peak = Math.max(peak, residentBytes(floor.pid))
  }, SAMPLE_MS)
  const readers = Array.from({ length: CONSUMERS }, (_, number) =>
    readAll(TERMS.partitionMaxBytes, Math.floor((number * ids.length) / CONSUMERS)),
  )
  await Promise.all(readers)
  clearInterval(sampling)
  await floor.stop()
  return peak - awake
}

/** One that begins somewhere else than the others, and at each partition's end reads it again. */
function consumerOf(port: number, number: number): Promise<Consumer> {
  const first = Math.floor((number * PARTITIONS) / CONSUMERS)
  const partitions = Array.from({ length: PARTITIONS }, (_, at) => (first + at) % PARTITIONS)
  return Consumer.open({
    port,
    topic: TOPIC,
    next: new Map(partitions.map((partition) => [partition, 0])),
    terms: TERMS,
    wraps: true,
  })
}

/** Waits so long, and up to four times as long until the consumer in the middle had a few answers. */
async function lasting(consumers: readonly Consumer[], ms: number): Promise<void> {
  await sleep(ms)
  for (let more = 0; more < 30 && median(consumers.map(({ polls }) => polls)) < ANSWERS; more++) {
    await sleep(ms / 10)
  }
}

/** Resident memory when every partition has been asked for its end: what being awake costs alone. */
async function awakeBytes(port: number, pid: number): Promise<number> {
  const client = await LoadClient.open(port)
  await endOffsets(client, TOPIC, PARTITIONS)
  client.close()
  return residentBytes(pid)
}

async function fill(port: number, batches: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: WRITERS }, () => LoadClient.open(port)))
  await createTopics(clients[0]!, [TOPIC], PARTITIONS)
  const values = Array.from({ length: BATCH_RECORDS }, () => Buffer.alloc(VALUE_BYTES, 'full '))
  const write = async (client: LoadClient, first: number) => {
    for (let partition = first; partition < PARTITIONS; partition += WRITERS) {
      const request = recordsRequest(TOPIC, partition, values)
      for (let batch = 0; batch < batches; batch++) await sendRecords(client, request)
    }
  }
  await Promise.all(clients.map(write))
  for (const client of clients) client.close()
}
