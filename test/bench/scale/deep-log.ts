// A fetch at a random offset, and an offset by time, in a log of a thousand chunks and in one of a million
// (each chunk one batch of one record, so the log of batches is the log of chunks). The broker makes the
// partition and its first chunk; the project's own leader writes the rest into its stopped broker's file.

import { LogStore } from '../../../src/partition/store.ts'
import { buildBatch } from '../../../src/record/build.ts'
import { LoadClient } from '../client.ts'
import { partitionFile } from '../data-file.ts'
import { createTopic, fetchRange, TOPIC } from '../kafka.ts'
import { type Launched, launch } from '../launcher.ts'
import { newFolder } from '../processes.ts'
import { byTurns, type Figure, median, ratios } from '../rounds.ts'
import { offsetAt, recordsRequest, sendRecords } from './requests.ts'
import { DatabaseStorage, identityIn, twinOf } from './twin.ts'

const RANDOM_FETCH_GOAL = { atMost: 1.3 }
const TIME_LOOKUP_GOAL = { atMost: 2 }

const SHORT_CHUNKS = 1_000
const LONG_CHUNKS = 1_000_000

/** What one fetch may bring: about a dozen of these chunks. */
const FETCH_BYTES = 4 * 1024

/** Chunks put into one transaction while the log is made. */
const CHUNKS_AT_ONCE = 10_000

/** Time between two chunks; the newest is about now. */
const CHUNK_MS = 100
const VALUE = Buffer.from(
  '{"reading":17,"unit":"celsius","sensor":"a-rather-usual-identifier-0001"}',
)

/** A running broker over a log made here. */
interface DeepLog {
  readonly broker: Launched
  readonly client: LoadClient
  readonly chunks: number
  /** Of the record at offset 1; the one at offset n is CHUNK_MS * (n - 1) later. */
  readonly firstMs: number
}

/** Latency of a fetch anywhere in the long log, against the short one. */
export function randomFetchFigures(quick: boolean): Promise<Figure[]> {
  return compared(quick, {
    what: 'fetch at a random offset',
    goal: RANDOM_FETCH_GOAL,
    async ask({ client, chunks }) {
      const from = 1 + Math.floor(Math.random() * (chunks - 1))
      const read = await fetchRange(client, { from, to: from + 1, maxBytes: FETCH_BYTES })
      if (read.nextOffset <= from) throw new Error(`nothing at offset ${from}`)
    },
  })
}

/** Latency of ListOffsets by a time anywhere in the long log, against the short one. */
export function timeLookupFigures(quick: boolean): Promise<Figure[]> {
  return compared(quick, {
    what: 'offset by time',
    goal: TIME_LOOKUP_GOAL,
    async ask({ client, chunks, firstMs }) {
      const wanted = 1 + Math.floor(Math.random() * (chunks - 1))
      const found = await offsetAt(client, TOPIC, firstMs + CHUNK_MS * (wanted - 1))
      if (found !== wanted) throw new Error(`the time of offset ${wanted} gave ${found}`)
    },
  })
}

interface Question {
  readonly what: string
  readonly goal: Figure['goal']
  ask(log: DeepLog): Promise<void>
}

async function compared(quick: boolean, { what, goal, ask }: Question): Promise<Figure[]> {
  const short = await deepLog(SHORT_CHUNKS)
  const long = await deepLog(LONG_CHUNKS)
  const latency = (log: DeepLog) => () => medianMs(quick ? 300 : 1_000, () => ask(log))
  const systems = { long: latency(long), short: latency(short) }
  await byTurns(2, systems)
  const ms = await byTurns(quick ? 7 : 15, systems)
  for (const { broker, client } of [short, long]) {
    client.close()
    await broker.stop()
  }
  return [
    {
      name: `${what}, log of 10⁶ / of 10³ chunks`,
      values: ratios(ms.long, ms.short),
      goal,
      detail:
        `${median(ms.long).toFixed(3)} ms, in the short log ${median(ms.short).toFixed(3)} ms; ` +
        'one request at a time, chunks of one small batch',
    },
  ]
}

/** Median time of so many calls, one after the other. */
async function medianMs(count: number, ask: () => Promise<void>): Promise<number> {
  const ms: number[] = []
  for (let call = 0; call < count; call++) {
    const startMs = performance.now()
    await ask()
    ms.push(performance.now() - startMs)
  }
  return median(ms)
}

/** A broker over a partition of so many chunks. */
async function deepLog(chunks: number): Promise<DeepLog> {
  const data = newFolder()
  const maker = await launch(process.execPath, data)
  const first = await LoadClient.open(maker.kafkaPort)
  await createTopic(first)
  const firstMs = Date.now() - CHUNK_MS * chunks
  await sendRecords(first, recordsRequest(TOPIC, 0, [VALUE], firstMs - CHUNK_MS))
  first.close()
  await maker.stop()
  await extend(partitionFile(data), chunks, firstMs)
  const broker = await launch(process.execPath, data)
  const client = await LoadClient.open(broker.kafkaPort)
  return { broker, client, chunks, firstMs }
}

/** Appends chunk by chunk to a stopped broker's partition until it has so many. */
async function extend(file: string, chunks: number, firstMs: number): Promise<void> {
  const storage = new DatabaseStorage(file)
  const identity = identityIn(storage)
  const leader = twinOf({ storage, identity, commitMs: 0, tailBytes: 64 * 1024 })
  for (let from = 1; from < chunks; from += CHUNKS_AT_ONCE) {
    await storage.together(async () => {
      for (let at = from; at < Math.min(chunks, from + CHUNKS_AT_ONCE); at++) {
        const timestamp = firstMs + CHUNK_MS * (at - 1)
        const batch = buildBatch({ records: [{ timestamp, key: null, value: VALUE }] })
        const reply = await leader.append({
          ...identity,
          configVersion: Number.MAX_SAFE_INTEGER,
          batch,
        })
        if (reply.kind !== 'appended' || reply.baseOffset !== at) {
          throw new Error(`offset ${at} was not written: ${JSON.stringify(reply)}`)
        }
      }
    })
  }
  // Merging would make a few thousand large rows of these: told that it was here, it leaves the million.
  new LogStore(storage).lifecycle.saveSettledOffset(chunks)
  storage.close()
}
