// What a gigabyte costs to produce and to consume: rows, calls, object-seconds and processor time, counted
// in the runtime while some of it goes through, and what it takes on disk.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LoadClient } from '../client.ts'
import {
  BATCH_BYTES,
  BATCH_RECORDS,
  createTopic,
  fetchRange,
  produce,
  produceRequest,
} from '../kafka.ts'
import { objectsOf } from '../launcher.ts'
import { newFolder } from '../processes.ts'
import { type OwnWorkerd, startOwn, sum } from '../scale/own-workerd.ts'
import { cpuSeconds } from '../scale/process-stats.ts'
import { times, type Usage } from './bill.ts'

/** What clients that read in bulk ask for at once. */
const FETCH_BYTES = 4 * 1024 * 1024
/** A record of the one-record requests, as ../kafka.ts makes it. */
export const RECORD_BYTES = 1_024

/** Of 10⁹ bytes of batches, each. */
export interface DataUsage {
  readonly batched: Usage
  readonly single: Usage
  readonly consumed: Usage
  /** Bytes of the partition's database for each byte of batches. */
  readonly storedShare: number
}

/** Produces in batches and then by single records, and reads the batches from disk. */
export async function dataUsage(quick: boolean): Promise<DataUsage> {
  const batches = Math.round((quick ? 64e6 : 512e6) / BATCH_BYTES)
  const singles = quick ? 5_000 : 40_000
  const data = newFolder()
  const request = produceRequest(BATCH_RECORDS)
  const batched = await used(data, batches * BATCH_BYTES, async (client) => {
    await produce(client, { request, count: batches, inFlight: 16 })
  })
  const storedShare = storedBytes(data) / (batches * BATCH_BYTES)
  // A broker that was started anew: nothing is in its memory.
  const consumed = await used(data, batches * BATCH_BYTES, async (client) => {
    const to = batches * BATCH_RECORDS
    const read = await fetchRange(client, { from: 0, to, maxBytes: FETCH_BYTES })
    if (read.nextOffset < to) throw new Error(`the log ends at ${read.nextOffset}`)
  })
  const one = produceRequest(1)
  const single = await used(newFolder(), singles * RECORD_BYTES, async (client) => {
    await produce(client, { request: one, count: singles, inFlight: 64 })
  })
  return { batched, single, consumed, storedShare }
}

/** What `act`, which moves so many bytes, uses for each 10⁹ of them. */
async function used(
  data: string,
  bytes: number,
  act: (client: LoadClient) => Promise<void>,
): Promise<Usage> {
  const isNew = readdirSync(data).length === 0
  const workerd = await startOwn(data)
  const client = await LoadClient.open(workerd.kafkaPort)
  if (isNew) {
    await createTopic(client)
    // The tables, and the first question whether the topic is alive, are not paid for each gigabyte.
    await produce(client, { request: produceRequest(1), count: 1, inFlight: 1 })
  }
  const usage = await usageOf(workerd, () => act(client))
  client.close()
  await workerd.stop()
  return times(usage, 1e9 / bytes)
}

/** What is used while `act` runs. All processor time counts as the Worker's: one process has both here. */
export async function usageOf(workerd: OwnWorkerd, act: () => Promise<void>): Promise<Usage> {
  await workerd.counts()
  const before = cpuSeconds(workerd.pid)
  await act()
  const cpuMs = (cpuSeconds(workerd.pid) - before) * 1e3
  const counts = await workerd.counts()
  return {
    requests: sum(counts.calls) + counts.alarms,
    rowsRead: counts.rowsRead,
    rowsWritten: counts.rowsWritten,
    objectSeconds: sum(counts.busyMs) / 1e3,
    cpuMs,
  }
}

/** Bytes of the pages of all partitions in a stopped workerd's folder. */
function storedBytes(data: string): number {
  const folder = join(objectsOf(data), 'ottla-Partition')
  let bytes = 0
  for (const name of readdirSync(folder)) {
    if (!/^[0-9a-f]{64}\.sqlite$/.test(name)) continue
    const database = new DatabaseSync(join(folder, name))
    const row = database.prepare(PAGES).get()
    bytes += Number(row?.bytes)
    database.close()
  }
  return bytes
}

const PAGES = 'SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()'
