// Fetch of one partition by one consumer, against a raw scan inside one object: from storage the
// same file is scanned that the broker reads; at the head the newest chunks are in its memory.

import { cpSync } from 'node:fs'
import { LoadClient } from './client.ts'
import { chunkRows, partitionId } from './data-file.ts'
import { startFloor } from './floor.ts'
import {
  BATCH_BYTES,
  BATCH_RECORDS,
  createTopic,
  fetchRange,
  produce,
  produceRequest,
} from './kafka.ts'
import { launch, objectsOf } from './launcher.ts'
import { newFolder } from './processes.ts'
import { byTurns, type Figure, megabytes, megabytesPerSecond, ratios } from './rounds.ts'

const STORAGE_GOAL = { atLeast: 0.5 }
const HEAD_GOAL = { atLeast: 1 }

/** What the consumer asks for at once, as one that reads in bulk is configured. */
const FETCH_BYTES = 4 * 1024 * 1024

/** Newest bytes read at the head: half of the tail that is kept in memory. */
const HEAD_BYTES = 8e6

/** Both figures, of one partition written once and read by a broker started anew. */
export async function fetchFigures(quick: boolean): Promise<Figure[]> {
  const data = newFolder()
  const end = await fill(data, quick ? 100e6 : 400e6)
  const { rows, bytes } = chunkRows(data, 0)
  const scan = `/scan?id=${partitionId(data)}`
  // The very same rows, in a copy because two processes must not share a file.
  const copy = newFolder()
  cpSync(objectsOf(data), copy, { recursive: true })
  const floor = await startFloor({ worker: 'log', objectsDir: copy })
  const broker = await launch(process.execPath, data)
  const client = await LoadClient.open(broker.kafkaPort)
  const newest = await append(client, { from: end, bytes: HEAD_BYTES })
  const systems = {
    storage: () => readRate(client, { from: 0, to: end }, 1),
    async scan() {
      const read = await floor.run(scan)
      if (read.bytes < bytes) throw new Error(`scanned ${read.bytes} bytes of ${bytes}`)
      return (read.bytes * 1e3) / read.ms
    },
    head: () => readRate(client, newest, quick ? 10 : 40),
  }
  await byTurns(2, systems)
  const rates = await byTurns(quick ? 5 : 11, systems)
  client.close()
  await broker.stop()
  await floor.stop()
  const rowText = `rows of ${(bytes / rows / 1024).toFixed(0)} KiB`
  return [
    {
      name: 'fetch from storage / raw scan',
      values: ratios(rates.storage, rates.scan),
      goal: STORAGE_GOAL,
      detail:
        `${megabytesPerSecond(rates.storage)}, scan ${megabytesPerSecond(rates.scan)}; ` +
        `${megabytes(bytes)} in ${rowText}, up to ${megabytes(FETCH_BYTES)} per request`,
    },
    {
      name: 'fetch at the head / raw scan',
      values: ratios(rates.head, rates.scan),
      goal: HEAD_GOAL,
      detail: `${megabytesPerSecond(rates.head)}, the newest ${megabytes(HEAD_BYTES)} again and again`,
    },
  ]
}

/** Offsets, the second one not included. */
interface Range {
  readonly from: number
  readonly to: number
}

/** Bytes per second of reading the range so many times. */
async function readRate(client: LoadClient, range: Range, times: number): Promise<number> {
  let bytes = 0
  let ms = 0
  for (let time = 0; time < times; time++) {
    const read = await fetchRange(client, { ...range, maxBytes: FETCH_BYTES })
    if (read.nextOffset < range.to) throw new Error(`the log ends at ${read.nextOffset}`)
    bytes += read.bytes
    ms += read.ms
  }
  return (bytes * 1e3) / ms
}

/** Appends about so many bytes at the end of the log, `from`. */
async function append(
  client: LoadClient,
  batches: { readonly from: number; readonly bytes: number },
): Promise<Range> {
  const request = produceRequest(BATCH_RECORDS)
  const count = Math.ceil(batches.bytes / BATCH_BYTES)
  await produce(client, { request, count, inFlight: 16 })
  return { from: batches.from, to: batches.from + count * BATCH_RECORDS }
}

/** Writes about `bytes` into the topic of a new data folder; the offset of the end. */
async function fill(data: string, bytes: number): Promise<number> {
  const broker = await launch(process.execPath, data)
  const client = await LoadClient.open(broker.kafkaPort)
  await createTopic(client)
  const { to } = await append(client, { from: 0, bytes })
  client.close()
  await broker.stop()
  return to
}
