// Fetch of one partition by our own load client: from storage against a raw scan of the same file inside one
// object and against what that scan and a bare transport allow in series; at the head, where the newest
// chunks are in memory, against Kafka. Kafka's own consumer is in tools.ts.

import { cpSync } from 'node:fs'
import { LoadClient } from '../client.ts'
import { chunkRows, partitionId } from '../data-file.ts'
import { startFloor } from '../floor.ts'
import {
  BATCH_BYTES,
  BATCH_RECORDS,
  createTopic,
  fetchRange,
  produce,
  produceRequest,
} from '../kafka.ts'
import { launch, objectsOf } from '../launcher.ts'
import { LeastClient } from '../load/least.ts'
import { MoveClient } from '../load/move.ts'
import { newFolder } from '../processes.ts'
import {
  byTurns,
  type Figure,
  floorFigure,
  megabytes,
  megabytesPerSecond,
  ratios,
  roundsWithinMs,
} from '../rounds.ts'
import { startKafka } from '../systems/kafka.ts'
import { announceOttla } from '../systems/ottla.ts'
import { present } from '../systems/system.ts'

const SCAN_GOAL = { atLeast: 0.55 }
const SERIES_GOAL = { atLeast: 0.9 }
const HEAD_GOAL = { atLeast: 1 }

/** What the consumer asks for at once, as one that reads in bulk is configured. */
const FETCH_BYTES = 4 * 1024 * 1024

/** Newest bytes read at the head: half of the tail that is kept in memory. */
const HEAD_BYTES = 8e6

/** All figures, of one partition written once and read by a broker started anew. */
export async function fetchFigures(quick: boolean): Promise<Figure[]> {
  announceOttla()
  const size = quick ? 100e6 : 400e6
  const data = newFolder()
  const end = await fill(data, size)
  const { rows, bytes } = chunkRows(data, 0)
  const scan = `/scan?id=${partitionId(data)}`
  // The very same rows, in a copy because two processes must not share a file.
  const copy = newFolder()
  cpSync(objectsOf(data), copy, { recursive: true })
  const object = partitionId(data)
  // Processes of their own: a scan in memory that other reads have left is up to three times as fast.
  const floor = await startFloor({ worker: 'log', objectsDir: copy })
  const leastCopy = newFolder()
  cpSync(objectsOf(data), leastCopy, { recursive: true })
  const leastBroker = await startFloor({ worker: 'least', objectsDir: leastCopy, object })
  const least = await LeastClient.open(leastBroker.tcpPort)
  const mover = await startFloor({ worker: 'bytes' })
  const moved = await MoveClient.open(mover.tcpPort)
  const broker = await launch(process.execPath, data)
  const client = await LoadClient.open(broker.kafkaPort)
  const newest = await append(client, { from: end, bytes: HEAD_BYTES })
  const kafka = await filledKafka(size)
  const times = quick ? 10 : 40
  // A turn reads as much in either run: one pass over 100 MB takes 30 or 90 ms, as garbage collection has it.
  const passes = quick ? 4 : 1
  const systems = present({
    storage: () => readRate(client, { from: 0, to: end }, passes),
    async scan() {
      let ms = 0
      for (let pass = 0; pass < passes; pass++) {
        const read = await floor.run(scan)
        if (read.bytes < bytes) throw new Error(`scanned ${read.bytes} bytes of ${bytes}`)
        ms += read.ms
      }
      return (passes * bytes * 1e3) / ms
    },
    transport: () => moved.answers({ bytes: FETCH_BYTES, count: Math.ceil(size / FETCH_BYTES) }),
    head: () => readRate(client, newest, times),
    leastStorage: () => least.readAll(FETCH_BYTES),
    // Two answers are what is read at the head.
    leastHead: () => least.readKept(FETCH_BYTES, 2 * times),
    kafkaStorage: kafka && (() => readRate(kafka.client, { from: 0, to: kafka.end }, 1)),
    kafkaHead: kafka && (() => readRate(kafka.client, kafka.newest, times)),
  })
  await byTurns(2, systems)
  const rates = await byTurns(quick ? 5 : 11, systems, roundsWithinMs(quick))
  client.close()
  moved.close()
  least.close()
  await broker.stop()
  await floor.stop()
  await leastBroker.stop()
  await mover.stop()
  await kafka?.stop()
  return figuresOf(
    rates,
    `${megabytes(bytes)} in rows of ${(bytes / rows / 1024).toFixed(0)} KiB, up to ${megabytes(FETCH_BYTES)} per request`,
  )
}

function figuresOf(rates: Readonly<Record<string, number[]>>, what: string): Figure[] {
  const storage = rates.storage!
  const scan = rates.scan!
  const head = rates.head!
  const series = scan.map((rate, round) => 1 / (1 / rate + 1 / rates.transport![round]!))
  const text = megabytesPerSecond
  const figures: Figure[] = [
    {
      name: 'fetch from storage / raw scan',
      values: ratios(storage, scan),
      goal: SCAN_GOAL,
      detail: `${text(storage)}, scan ${text(scan)}; ${what}`,
    },
    {
      name: 'fetch from storage / scan and transport in series',
      values: ratios(storage, series),
      goal: SERIES_GOAL,
      detail: `${text(storage)}, in series ${text(series)}, transport alone ${text(rates.transport!)}`,
    },
    floorFigure(
      'the least broker from storage / scan and transport in series',
      ratios(rates.leastStorage!, series),
      `${text(rates.leastStorage!)}: rows read in an object and written as they are, two calls for each answer; no checksums, no batches`,
    ),
    {
      name: 'fetch at the head / raw scan',
      values: ratios(head, scan),
      goal: null,
      detail: `${text(head)}, the newest ${megabytes(HEAD_BYTES)} again and again`,
    },
    floorFigure(
      'the least broker at the head / raw scan',
      ratios(rates.leastHead!, scan),
      `${text(rates.leastHead!)}: rows kept in an object, two calls for each answer`,
    ),
  ]
  const { kafkaHead, kafkaStorage } = rates
  if (kafkaHead !== undefined && kafkaStorage !== undefined) {
    figures.push(
      {
        name: 'fetch at the head / Kafka',
        values: ratios(head, kafkaHead),
        goal: HEAD_GOAL,
        detail: `${text(head)}, Kafka ${text(kafkaHead)}; the same load client`,
      },
      floorFigure(
        'the least broker at the head / Kafka',
        ratios(rates.leastHead!, kafkaHead),
        `${text(rates.leastHead!)}; from the Worker's own memory, with no object, ${text(rates.transport!)}: workerd copies what is written to a socket, Kafka has the kernel send its files`,
      ),
      {
        name: 'fetch from storage / Kafka',
        values: ratios(storage, kafkaStorage),
        goal: null,
        detail: `${text(storage)}, Kafka ${text(kafkaStorage)} from the page cache; the same load client`,
      },
    )
  }
  return figures
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

/** Kafka with the same records. */
async function filledKafka(bytes: number) {
  const kafka = await startKafka('default')
  if (kafka === null) return null
  const client = await LoadClient.open(kafka.kafkaPort)
  await createTopic(client)
  const { to: end } = await append(client, { from: 0, bytes })
  const newest = await append(client, { from: end, bytes: HEAD_BYTES })
  const stop = () => {
    client.close()
    return kafka.stop()
  }
  return { client, end, newest, stop }
}
