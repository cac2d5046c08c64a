// `ottla bench`: how many records a second a broker takes and gives over HTTP, with a topic of its own that is deleted
// again. A figure for one's own machine and network, not a comparison: that is test/bench.

import { randomUUID } from 'node:crypto'
import { BrokerApi } from '../broker-api.ts'
import {
  authorizationOf,
  BROKER_FLAGS,
  BROKER_HELP,
  brokerUrl,
  type Command,
  EXIT,
  type Io,
  numberOf,
  type Values,
  wordsOf,
} from '../command.ts'
import { printAll } from '../table.ts'

const REQUEST_BYTES = 256 * 1024
const READ_LIMIT = 1_000
const READ_BYTES = 8 * 1024 * 1024

export const bench: Command = {
  name: 'bench',
  summary: 'measure how fast a broker is over HTTP',
  help: `Usage: ottla bench [flags]

  ottla bench                                       20,000 records of 100 bytes
  ottla bench --records 2000 --size 10000 --json
  OTTLA_SECRET=… ottla bench --url https://ottla.example.workers.dev

  --records N         how many                                            (20000)
  --size BYTES        of each value                                       (100)
  --partitions N      of the topic it makes, and deletes again            (4)
  --json              JSON, a line for produce and one for consume
${BROKER_HELP}`,
  flags: {
    ...BROKER_FLAGS,
    records: { type: 'string' },
    size: { type: 'string' },
    partitions: { type: 'string' },
    json: { type: 'boolean' },
  },
  run,
}

interface Measured {
  readonly phase: 'produce' | 'consume'
  readonly records: number
  readonly bytes: number
  readonly ms: number
}

interface Plan {
  readonly path: string
  readonly records: number
  readonly size: number
  readonly partitions: number
}

async function run(words: readonly string[], values: Values, io: Io): Promise<number> {
  wordsOf(words)
  const name = `ottla-bench-${randomUUID()}`
  const plan = {
    path: `/v1/topics/${name}`,
    records: numberOf(values, 'records', { least: 1, most: 100_000_000 }) ?? 20_000,
    size: numberOf(values, 'size', { least: 1, most: 1_000_000 }) ?? 100,
    partitions: numberOf(values, 'partitions', { least: 1, most: 1_000 }) ?? 4,
  }
  const [url, authorization] = [brokerUrl(values, io.env), authorizationOf(values, io.env)]
  const broker = new BrokerApi(url, authorization, io.signal)
  await broker.json('POST', '/v1/topics', { body: { name, partitions: plan.partitions } })
  try {
    await printAll(
      phases(broker, plan, io),
      [
        { heading: 'PHASE', of: ({ phase }) => phase },
        { heading: 'RECORDS', of: ({ records }) => records, isNumber: true },
        { heading: 'RECORDS/S', of: (one) => one.recordsPerSecond, isNumber: true },
        { heading: 'MB/S', of: (one) => (one.bytesPerSecond / 1e6).toFixed(1), isNumber: true },
      ],
      io,
      { json: values.json === true },
    )
  } finally {
    // Also when we are asked to stop in between: with a signal of its own.
    const cleaning = new BrokerApi(url, authorization, AbortSignal.timeout(10_000))
    await cleaning.json('DELETE', plan.path)
  }
  return EXIT.OK
}

async function* phases(broker: BrokerApi, plan: Plan, io: Io) {
  for (const phase of [producing, consuming]) {
    const measured = await phase(broker, plan, io)
    const perSecond = (count: number) => Math.round((count * 1000) / Math.max(1, measured.ms))
    yield {
      ...measured,
      ms: Math.round(measured.ms),
      recordsPerSecond: perSecond(measured.records),
      bytesPerSecond: perSecond(measured.bytes),
    }
  }
}

/** A writer for each partition, a request at a time. */
async function producing(broker: BrokerApi, plan: Plan, io: Io): Promise<Measured> {
  const { path, records, size, partitions } = plan
  const perRequest = Math.max(1, Math.floor(REQUEST_BYTES / (size + 30)))
  let left = records
  const sinceMs = performance.now()
  const write = async (partition: number) => {
    const line = `${JSON.stringify({ partition, value: 'x'.repeat(size) })}\n`
    while (left > 0 && !io.signal.aborted) {
      const count = Math.min(left, perRequest)
      left -= count
      const headers = { 'content-type': 'application/x-ndjson' }
      await broker.json('POST', `${path}/records`, { body: line.repeat(count), headers })
      progress(io, `produced ${records - left} of ${records}`)
    }
  }
  await Promise.all(Array.from({ length: partitions }, (_, partition) => write(partition)))
  return { phase: 'produce', records, bytes: records * size, ms: performance.now() - sinceMs }
}

/** A reader for each partition. */
async function consuming(broker: BrokerApi, plan: Plan, io: Io): Promise<Measured> {
  const { path, size, partitions } = plan
  let records = 0
  const sinceMs = performance.now()
  const read = async (partition: number) => {
    for (let offset = 0; ; ) {
      const query = { offset, limit: READ_LIMIT, maxBytes: READ_BYTES }
      const page = await broker.json<{ records: unknown[]; nextOffset: number }>(
        'GET',
        `${path}/partitions/${partition}/records`,
        { query },
      )
      if (page.records.length === 0) return
      records += page.records.length
      offset = page.nextOffset
      progress(io, `consumed ${records} of ${plan.records}`)
    }
  }
  await Promise.all(Array.from({ length: partitions }, (_, partition) => read(partition)))
  return { phase: 'consume', records, bytes: records * size, ms: performance.now() - sinceMs }
}

let saidMs = 0

/** To people alone, and not too often. */
function progress(io: Io, text: string): void {
  const nowMs = performance.now()
  if (!io.isTty.err || nowMs - saidMs < 1_000) return
  saidMs = nowMs
  io.say(text)
}
