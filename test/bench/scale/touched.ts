// A thousand partitions with a record each: what they take in memory, on disk and in file descriptors while
// they are awake, and what is given back when the runtime has evicted them (some ten seconds later).

import { setTimeout as sleep } from 'node:timers/promises'
import { LoadClient } from '../client.ts'
import { startFloor } from '../floor.ts'
import { launch, objectsOf, workerdOf } from '../launcher.ts'
import { residentBytes } from '../memory.ts'
import { newFolder } from '../processes.ts'
import { type Figure, floorFigure, megabytes } from '../rounds.ts'
import { sum } from './own-workerd.ts'
import { diskBytes, openFiles } from './process-stats.ts'
import { createTopics, endOffsets, recordsRequest, sendRecords } from './requests.ts'

const PARTITIONS = 1_000
const TOPIC = 'touched'

const BYTES_GOAL = { atMost: 250_000 }
const DESCRIPTORS_GOAL = { atMost: 3 }
/** None is kept; the connection's own was there before. */
const LEFT_GOAL = { atMost: 0 }

const FLOOR_TEXT =
  'its actor, an SQLite connection with its schema and page cache, one statement: nothing that is ours'

/** Producers at work, so that all are touched before the first is evicted. */
const PRODUCERS = 8

/** The runtime evicts an object after 10 s in which nothing asked it; looked for no longer than this. */
const EVICTED_WITHIN_MS = 40_000
const LOOK_MS = 500

/** Bytes that an object with one row takes in bare workerd: what no partition can go below. */
async function bareBytes(): Promise<number> {
  const floor = await startFloor({ worker: 'log' })
  await floor.run('/touch?objects=1')
  const before = residentBytes(floor.pid)
  await floor.run(`/touch?objects=${PARTITIONS}`)
  const bytes = (residentBytes(floor.pid) - before) / PARTITIONS
  await floor.stop()
  return bytes
}

/** Memory, disk and descriptors of touched partitions, awake and evicted. */
export async function touchedPartitionFigures(): Promise<Figure[]> {
  const bare = await bareBytes()
  const data = newFolder()
  const broker = await launch(process.execPath, data)
  const pid = workerdOf(broker.pid)
  const clients = await Promise.all(
    Array.from({ length: PRODUCERS }, () => LoadClient.open(broker.kafkaPort)),
  )
  await createTopics(clients[0]!, [TOPIC], PARTITIONS)
  await sleep(1_000)
  const before = lookAt(pid, data)
  const startMs = performance.now()
  await Promise.all(clients.map((client, at) => touch(client, at)))
  const touchedMs = performance.now() - startMs
  // On a busy machine the first may have been evicted by now: asked once more, all are awake.
  await endOffsets(clients[0]!, TOPIC, PARTITIONS)
  const awake = lookAt(pid, data)
  const evictedMs = await evicted(pid)
  const after = lookAt(pid, data)
  for (const client of clients) client.close()
  await broker.stop()
  const was = `${PARTITIONS} partitions touched in ${(touchedMs / 1e3).toFixed(1)} s`
  return [
    {
      name: 'resident bytes / touched partition',
      values: [(awake.bytes - before.bytes) / awake.objects],
      unit: 'B',
      goal: BYTES_GOAL,
      detail:
        `${was}; workerd ${megabytes(before.bytes)} before, ${megabytes(awake.bytes)} awake, ` +
        `${megabytes(after.bytes)} ${(evictedMs / 1e3).toFixed(0)} s later; ` +
        `on disk ${((after.disk - before.disk) / PARTITIONS / 1024).toFixed(0)} KiB each ` +
        `(awake, with its log, ${((awake.disk - before.disk) / PARTITIONS / 1024).toFixed(0)} KiB)`,
    },
    {
      ...floorFigure('resident bytes / object with one row in bare workerd', [bare], FLOOR_TEXT),
      unit: 'B',
    },
    {
      name: 'file descriptors / touched partition',
      values: [awake.ofObjects / awake.all],
      unit: '',
      goal: DESCRIPTORS_GOAL,
      detail: `${awake.ofObjects} for ${awake.all} objects awake, ${awake.files} open in all (${before.files} before)`,
    },
    {
      name: 'file descriptors left after eviction',
      values: [Math.max(0, after.files - before.files)],
      unit: '',
      goal: LEFT_GOAL,
      detail: `${before.files} before, ${after.files} after; ${after.objects} partitions awake`,
    },
  ]
}

/** Writes a record to every PRODUCERS-th partition from `first` on. */
async function touch(client: LoadClient, first: number): Promise<void> {
  const value = Buffer.from('{"touched":true}')
  for (let partition = first; partition < PARTITIONS; partition += PRODUCERS) {
    await sendRecords(client, recordsRequest(TOPIC, partition, [value]))
  }
}

/** Waits until no partition is in memory, or for so long; milliseconds waited. */
async function evicted(pid: number): Promise<number> {
  const startMs = performance.now()
  while (
    (openFiles(pid).objects.Partition ?? 0) > 0 &&
    performance.now() - startMs < EVICTED_WITHIN_MS
  ) {
    await sleep(LOOK_MS)
  }
  return performance.now() - startMs
}

function lookAt(pid: number, data: string) {
  const { all, ofObjects, objects } = openFiles(pid)
  return {
    bytes: residentBytes(pid),
    files: all,
    ofObjects,
    objects: objects.Partition ?? 0,
    all: sum(objects),
    disk: diskBytes(objectsOf(data)),
  }
}
