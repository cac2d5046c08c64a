// Damage of a stopped broker's files: a turned bit, a cut value, a row that is gone, in every place. The
// broker started on them serves nothing that was not written, says CORRUPT_MESSAGE for what is damaged and
// gives all the rest; `ottla verify` finds it before. OTTLA_SEED replays the random places.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { batch, readRecords } from '../../clients/batches.ts'
import { type Broker, startBroker } from '../../clients/broker.ts'
import { createTopic, fetch, produce } from '../../clients/calls.ts'
import { atRest, endAndGoOn, produceIn, producer } from '../../clients/transaction-calls.ts'
import { Wire } from '../../clients/wire.ts'
import { Random } from '../../simulation/platform/random.ts'
import {
  copyOf,
  inDatabase,
  largestPartition,
  largestUnopened,
  verify,
} from '../load/data-folder.ts'
import { readValue, recordValue } from '../load/values.ts'

const BATCHES = 30
const RECORDS = 3
const LARGE_BATCH = 15
const LARGE_BYTES = 4_000_000
const END = BATCHES * RECORDS
const CORRUPT_MESSAGE = 2
const RANDOM_PLACES = 12

const seed = Number(process.env.OTTLA_SEED ?? Math.floor(Math.random() * 2 ** 31))
const random = new Random(seed)
const folders: string[] = []
let original = ''

/** Each batch is a chunk of its own, one of them in pieces. */
beforeAll(async () => {
  original = mkdtempSync(join(tmpdir(), 'ottla-faults-'))
  folders.push(original)
  const broker = await startBroker({ data: original })
  const wire = await Wire.open(broker.kafka)
  await createTopic(wire, 't', 1, { 'max.message.bytes': '5000000' })
  for (let index = 0; index < BATCHES; index++) {
    const records = Array.from({ length: RECORDS }, (_, at) => {
      const bytes = index === LARGE_BATCH && at === 0 ? LARGE_BYTES : 300
      return { value: recordValue(`t:${index * RECORDS + at}`, bytes) }
    })
    const { errorCode } = await produce(wire, 't', 0, batch({ records, timestamp: Date.now() }))
    expect(errorCode).toBe(0)
  }
  wire.close()
  await broker.kill()
}, 60_000)

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

interface ReadBack {
  /** Tokens by offset. */
  readonly served: ReadonlyMap<number, string>
  /** Error codes by offset. */
  readonly refused: ReadonlyMap<number, number>
}

/** Reads from the start, going one offset on where a read is refused. */
async function readBack(broker: Broker): Promise<ReadBack> {
  const served = new Map<number, string>()
  const refused = new Map<number, number>()
  const wire = await Wire.open(broker.kafka)
  for (let next = 0; next < END; ) {
    const got = await fetch(wire, 't', 0, next, { partitionMaxBytes: 200_000 })
    const records = got.errorCode === 0 ? readRecords(got.records) : []
    for (const { offset, value } of records) {
      const { token, whole } = readValue(value)
      served.set(offset, whole ? token : `damaged ${token}`)
    }
    if (records.length === 0) refused.set(next, got.errorCode)
    next = (records.at(-1)?.offset ?? next) + 1
  }
  wire.close()
  return { served, refused }
}

/** Nothing is served that was not written where it is served. */
function expectNothingFalse({ served }: ReadBack): void {
  for (const [offset, token] of served) expect(token).toBe(`t:${offset}`)
}

/** A damaged copy, and what the broker and `verify` make of it. */
async function afterDamage(damage: (database: string) => void) {
  const data = copyOf(original)
  folders.push(data)
  damage(largestPartition(data))
  const verified = verify(data)
  const broker = await startBroker({ data })
  try {
    const read = await readBack(broker)
    expectNothingFalse(read)
    return { read, verified, broker, log: () => broker.log.join('\n') }
  } catch (error) {
    await broker.stop()
    throw error
  }
}

function offsetsOf(batchIndex: number): number[] {
  return Array.from({ length: RECORDS }, (_, at) => batchIndex * RECORDS + at)
}

/** SQL that damages a batch. */
const DAMAGE: readonly (readonly [what: string, batchIndex: number, sql: string])[] = [
  [
    'a bit of its bytes is turned',
    4,
    "UPDATE chunk SET data = CAST(substr(data, 1, 500) || x'00' || substr(data, 502) AS BLOB) WHERE first_offset = 12",
  ],
  ['its bytes are cut', 5, 'UPDATE chunk SET data = substr(data, 1, 200) WHERE first_offset = 15'],
  ['its row is gone', 6, 'DELETE FROM chunk WHERE first_offset = 18'],
  ['its row is of other offsets', 7, 'UPDATE chunk SET last_offset = 22 WHERE first_offset = 21'],
  [
    'a piece of it is gone',
    LARGE_BATCH,
    'DELETE FROM chunk_part WHERE first_offset = 45 AND part = 2',
  ],
  [
    'a piece of it is cut',
    LARGE_BATCH,
    'UPDATE chunk_part SET data = substr(data, 1, 9) WHERE first_offset = 45 AND part = 1',
  ],
]

describe('A batch whose stored form was damaged', () => {
  test.each(DAMAGE)('is refused, and all others are read: %s', async (_, batchIndex, sql) => {
    const { read, verified, broker, log } = await afterDamage((path) => {
      const { changes } = inDatabase(path, (database) => database.prepare(sql).run())
      expect(changes).toBe(1)
    })
    try {
      const damaged = offsetsOf(batchIndex)
      expect([...read.refused]).toEqual(damaged.map((offset) => [offset, CORRUPT_MESSAGE]))
      expect(read.served.size).toBe(END - RECORDS)
      expect(verified.code).toBe(1)
      expect(verified.printed).toMatch(new RegExp(`DAMAGED t-0[^]*offsets ${damaged[0]} to`))
      expect(log()).toMatch(new RegExp(`stored records are damaged.*offsets ${damaged[0]} to`))
      await expectProblem(broker, damaged)
      await expectStreamEnds(broker, damaged)
    } finally {
      await broker.stop()
    }
  })
})

describe('A whole segment that is gone', () => {
  test.each([
    ['between others', 8, 11],
    ['at the start', 0, 3],
  ])('is found and refused, and all others are read: %s', async (_, from, to) => {
    const gone = Array.from({ length: to - from + 1 }, (_, at) => offsetsOf(from + at)).flat()
    const { read, verified, broker, log } = await afterDamage((path) => {
      inDatabase(path, (database) => {
        const range = 'first_offset BETWEEN ? AND ?'
        database.prepare(`DELETE FROM chunk WHERE ${range}`).run(gone[0]!, gone.at(-1)!)
      })
    })
    try {
      expect([...read.refused]).toEqual(gone.map((offset) => [offset, CORRUPT_MESSAGE]))
      expect(read.served.size).toBe(END - gone.length)
      expect(verified).toMatchObject({ code: 1, printed: expect.stringContaining('DAMAGED t-0') })
      expect(log()).toMatch(
        new RegExp(`stored records are damaged.*offsets ${gone[0]} to ${gone.at(-1)}`),
      )
      await expectProblem(broker, gone)
    } finally {
      await broker.stop()
    }
  })

  test('with its row, or the rows of all of them, hides nothing and takes nothing from others', async () => {
    const { read, broker } = await afterDamage((path) => {
      inDatabase(path, (database) => database.exec('DELETE FROM segment'))
    })
    await broker.stop()
    expect(read.served.size).toBe(END)
  })
})

/** HTTP says it too, and where to read on; what is read there is there. */
async function expectProblem({ http }: Broker, damaged: readonly number[]): Promise<void> {
  const read = (offset: number) =>
    globalThis.fetch(`${http}/v1/topics/t/partitions/0/records?offset=${offset}&limit=1`)
  let next = damaged[0]!
  // A row that lies about where it ends is followed by a hole.
  while (damaged.includes(next)) {
    const problem = await read(next)
    expect(problem.status).toBe(500)
    const { code, nextOffset } = (await problem.json()) as { code: string; nextOffset?: number }
    expect(code).toBe('CORRUPT_MESSAGE')
    next = nextOffset ?? damaged.at(-1)! + 1
  }
  const after = (await (await read(next)).json()) as { records: { offset: number }[] }
  expect(after.records[0]?.offset).toBe(damaged.at(-1)! + 1)
}

/** A stream gives what is before and ends with the problem; one that starts behind goes on. */
async function expectStreamEnds({ http }: Broker, damaged: readonly number[]): Promise<void> {
  const url = `${http}/v1/topics/t/events?from=0:${damaged[0]! - 2}`
  const text = await (await globalThis.fetch(url)).text()
  expect(text).toContain(`id: 0:${damaged[0]! - 1}`)
  expect(text).toMatch(/event: problem\ndata: .*CORRUPT_MESSAGE.*"status":500/)
  expect(text).not.toMatch(new RegExp(`id: 0:(${damaged.join('|')})\\n`))
}

describe('ottla verify', () => {
  test.each([
    ['whether a transaction was aborted is gone', 'DELETE FROM aborted_transaction'],
    ['another transaction is noted as aborted', 'UPDATE aborted_transaction SET first_offset = 0'],
    [
      'a committed transaction is noted as aborted',
      'INSERT INTO aborted_transaction (last_offset, first_offset, producer_id, stable_offset) VALUES (1, 0, 0, 2)',
    ],
  ])('finds that %s', async (_, sql) => {
    const data = mkdtempSync(join(tmpdir(), 'ottla-faults-'))
    folders.push(data)
    const broker = await startBroker({ data })
    const wire = await Wire.open(broker.kafka)
    await createTopic(wire, 't', 1)
    let by = await producer(wire, 'tx')
    for (const committed of [true, false, true]) {
      expect((await produceIn(wire, by, 't', 0, { version: 12 })).errorCode).toBe(0)
      by = await endAndGoOn(wire, by, committed)
    }
    await atRest(wire, 'tx')
    wire.close()
    await broker.kill()
    expect(verify(data)).toMatchObject({ code: 0 })
    inDatabase(largestPartition(data), (database) => database.exec(sql))
    expect(verify(data)).toMatchObject({ code: 1, printed: expect.stringContaining('aborted') })
  })

  test('refuses a folder that a broker has open, and one that holds no data', async () => {
    const data = copyOf(original)
    folders.push(data)
    const broker = await startBroker({ data })
    expect(verify(data)).toEqual({
      code: 1,
      printed: `ottla: the data folder ${data} is in use by another broker\n`,
    })
    await broker.stop()
    expect(verify(data).code).toBe(0)
    const empty = mkdtempSync(join(tmpdir(), 'ottla-faults-'))
    folders.push(empty)
    expect(verify(empty)).toMatchObject({
      code: 1,
      printed: expect.stringContaining('is no data folder'),
    })
  })

  test('changes no file', () => {
    const data = copyOf(original)
    folders.push(data)
    const read = () => ['', '-wal'].map((suffix) => readFileSync(largestUnopened(data) + suffix))
    const before = read()
    verify(data)
    expect(read()).toEqual(before)
  })
})

describe('A database that was damaged', () => {
  test('is whole before', async () => {
    const { read, verified, broker } = await afterDamage(() => {})
    await broker.stop()
    expect(read.served.size).toBe(END)
    expect(verified).toMatchObject({ code: 0, printed: expect.stringContaining('no damage') })
  })

  test('serves nothing when the row that says whose log it is is gone', async () => {
    const { read, verified, broker } = await afterDamage((path) => {
      inDatabase(path, (database) => database.exec('DELETE FROM leader'))
    })
    await broker.stop()
    expect(read.served.size).toBe(0)
    expect(verified.code).toBe(1)
  })

  test.each(Array.from({ length: RANDOM_PLACES }, (_, index) => index))(
    'at a random place serves nothing false, and what is missing was found (%i)',
    async (index) => {
      const { read, verified, broker } = await afterDamage((path) => {
        inDatabase(path, () => {})
        const bytes = readFileSync(path)
        // Every other one where pages begin: there SQLite keeps its own.
        const page = 4096 * random.between(0, bytes.length / 4096 - 1)
        const at = page + random.between(0, index % 2 === 0 ? 40 : 4095)
        bytes[at]! ^= 1 << random.between(0, 7)
        writeFileSync(path, bytes)
      })
      await broker.stop()
      const context = `OTTLA_SEED=${seed}\n${verified.printed}`
      if (read.served.size < END) expect(verified.code, context).toBe(1)
      if (verified.code === 0) expect(read.served.size, context).toBe(END)
    },
  )
})
