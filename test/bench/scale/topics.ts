// Ten thousand topics that were created and never written: what each takes in memory and on disk, and
// whether Metadata for one of them is as fast as in a cluster of ten.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LoadClient } from '../client.ts'
import { objectsOf } from '../launcher.ts'
import { anonymousBytes, residentBytes } from '../memory.ts'
import { newFolder } from '../processes.ts'
import { byTurns, type Figure, median, megabytes, ratios } from '../rounds.ts'
import { type OwnWorkerd, startOwn } from './own-workerd.ts'
import { diskBytes } from './process-stats.ts'
import { checkMetadata, createTopics, metadataRequest } from './requests.ts'

const BYTES_GOAL = { atMost: 1_000 }
const FILES_GOAL = { atMost: 0 }
/** As fast, within what the machine's noise allows a median of rounds to differ. */
const METADATA_GOAL = { atMost: 1.1 }

const MANY = 10_000
const FEW = 10
const TOPICS_PER_REQUEST = 100

/** V8 gives pages back a little after it has collected. */
const SETTLED_MS = 1_000

interface Cluster {
  readonly data: string
  readonly broker: OwnWorkerd
  readonly client: LoadClient
}

/** Files and memory of topics never written, and Metadata of one of them. */
export async function emptyTopicFigures(quick: boolean): Promise<Figure[]> {
  const many = await clusterOf(MANY)
  const created = residentBytes(many.broker.pid)
  const disk = diskBytes(objectsOf(many.data))
  const files = partitionFiles(many.data)
  await end(many)
  // Started anew, so that only what is kept counts and not what creating them left behind.
  const loaded = await started(many.data)
  const few = await clusterOf(FEW)
  await end(few)
  const small = await started(few.data)
  const mostBytes = await settled(loaded)
  const fewBytes = await settled(small)
  const count = quick ? 1_000 : 4_000
  const systems = { many: () => metadata(loaded, count), few: () => metadata(small, count) }
  await byTurns(2, systems)
  const ms = await byTurns(quick ? 7 : 15, systems)
  await end(loaded)
  await end(small)
  return [
    {
      name: `files of partitions never written`,
      values: [files],
      unit: '',
      goal: FILES_GOAL,
      detail: `${MANY} topics; the controller and the rest take ${megabytes(disk)} on disk`,
    },
    {
      name: 'resident bytes / topic never written',
      values: [(mostBytes - fewBytes) / (MANY - FEW)],
      unit: 'B',
      goal: BYTES_GOAL,
      detail:
        `workerd ${megabytes(mostBytes)} with ${MANY} loaded, ${megabytes(fewBytes)} with ${FEW}; ` +
        `${megabytes(created)} (with the program) right after they were created`,
    },
    {
      name: `Metadata of one topic, of ${MANY} / of ${FEW}`,
      values: ratios(ms.many, ms.few),
      goal: METADATA_GOAL,
      detail: `${median(ms.many).toFixed(3)} ms, of ${FEW} ${median(ms.few).toFixed(3)} ms, one request at a time`,
    },
  ]
}

/**
 * Resident memory of a cluster that was asked for a topic, without what V8 has not collected yet, and without the pages of
 * workerd's program: loading ten thousand rows runs code that ten do not, and that is 5 MB of it.
 */
async function settled(cluster: Cluster): Promise<number> {
  await metadata(cluster, 1)
  await cluster.broker.collect()
  await sleep(SETTLED_MS)
  return anonymousBytes(cluster.broker.pid)
}

async function clusterOf(topics: number): Promise<Cluster> {
  const cluster = await started(newFolder())
  for (let from = 0; from < topics; from += TOPICS_PER_REQUEST) {
    const count = Math.min(TOPICS_PER_REQUEST, topics - from)
    await createTopics(
      cluster.client,
      Array.from({ length: count }, (_, at) => nameOf(from + at)),
      1,
    )
  }
  return cluster
}

async function started(data: string): Promise<Cluster> {
  const broker = await startOwn(data)
  return { data, broker, client: await LoadClient.open(broker.kafkaPort) }
}

async function end({ broker, client }: Cluster): Promise<void> {
  client.close()
  await broker.stop()
}

/** Mean time of so many requests for one topic, each after the answer to the one before. */
async function metadata({ client }: Cluster, count: number): Promise<number> {
  const ms = await client.pipeline({
    count,
    inFlight: 1,
    request: metadataRequest(nameOf(7)),
    take: checkMetadata,
  })
  return ms / count
}

function nameOf(number: number): string {
  return `orders-of-region-${String(number).padStart(5, '0')}`
}

function partitionFiles(data: string): number {
  const folder = join(objectsOf(data), 'ottla-Partition')
  // The class's own metadata.sqlite is not a partition's.
  return existsSync(folder)
    ? readdirSync(folder).filter((name) => /^[0-9a-f]{64}/.test(name)).length
    : 0
}
