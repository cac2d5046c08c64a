// Data folders that earlier releases wrote, one for each layout there has been, opened by this one: it sees
// what they saw, goes on where they ended, and keeps it in its own layout. A layout newer than this release's
// is refused and left as it is. What the folders hold and how they were made: data-folders/.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { SCHEMA_VERSION as CLUSTER } from '../../src/cluster/store.ts'
import { SCHEMA_VERSION as GROUP } from '../../src/group/store.ts'
import { SCHEMA_VERSION as PARTITION } from '../../src/partition/schema.ts'
import { ConsumerGroupHeartbeat } from '../../src/protocol/messages/consumer-group-heartbeat.ts'
import { DescribeTransactions } from '../../src/protocol/messages/describe-transactions.ts'
import { InitProducerId } from '../../src/protocol/messages/init-producer-id.ts'
import { Metadata } from '../../src/protocol/messages/metadata.ts'
import { OffsetCommit } from '../../src/protocol/messages/offset-commit.ts'
import { OffsetFetch } from '../../src/protocol/messages/offset-fetch.ts'
import { SCHEMA_VERSION as TRANSACTION } from '../../src/transaction/store.ts'
import { databases, inDatabase, verify } from '../faults/load/data-folder.ts'
import { batch } from './batches.ts'
import { type Broker, startBroker } from './broker.ts'
import { createTopic, fetch, produce, until } from './calls.ts'
import {
  CLASSES,
  fill,
  KEPT_FOR_EVER,
  layoutOf,
  layoutsIn,
  look,
  pair,
  type Recorded,
  type Seen,
} from './data-folders/content.ts'
import {
  atRest,
  describeTransaction,
  endAndGoOn,
  produceIn,
  producer,
} from './transaction-calls.ts'
import { Ended, Wire } from './wire.ts'

const VECTORS = resolve(import.meta.dirname, '../vectors/data-folders')
const NAMES = readdirSync(VECTORS)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.replace('.json', ''))
const NEWEST = NAMES.at(-1) ?? ''
/** The layouts of this release. */
const TODAY = { Cluster: CLUSTER, Partition: PARTITION, Group: GROUP, Transaction: TRANSACTION }

const STORAGE_ERROR = 56
/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE: a client asks again. */
const NOT_AVAILABLE = [14, 15]

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function recordedOf(name: string): Recorded {
  return JSON.parse(readFileSync(join(VECTORS, `${name}.json`), 'utf8')) as Recorded
}

function unpacked(name: string): string {
  const data = mkdtempSync(join(tmpdir(), 'ottla-older-'))
  folders.push(data)
  const { status, stderr } = spawnSync('tar', ['xzf', join(VECTORS, `${name}.tar.gz`), '-C', data])
  if (status !== 0) throw new Error(String(stderr))
  return data
}

async function withBroker<T>(data: string, use: (wire: Wire, broker: Broker) => Promise<T>) {
  const broker = await startBroker({ data, args: KEPT_FOR_EVER })
  try {
    const wire = await Wire.open(broker.kafka)
    const result = await use(wire, broker)
    wire.close()
    return result
  } finally {
    await broker.kill()
  }
}

/** All that must not have changed; the open transaction is aborted when its time is up. */
function compared({ logs, security = [], ...seen }: Seen) {
  const { 'open-0': open, ...others } = logs
  return { ...seen, security, logs: others, open: open?.records.slice(0, 2) }
}

describe('a recorded data folder', () => {
  test('is there for the layouts of this release', () => {
    // Otherwise record one, before the next layout comes: data-folders/record.ts.
    expect(NAMES.map((name) => recordedOf(name).layouts)).toContainEqual(TODAY)
  })

  test('has the tables that this release makes: others would be another layout', async () => {
    const fresh = mkdtempSync(join(tmpdir(), 'ottla-older-'))
    folders.push(fresh)
    await withBroker(fresh, (wire) => fill(wire, true))
    expect(tablesIn(fresh)).toEqual(tablesIn(unpacked(NEWEST)))
  })

  test('is verified by a command that ends, each of forty times', () => {
    const data = unpacked(NEWEST)
    for (let times = 0; times < 40; times++) expect(verify(data)).toMatchObject({ code: 0 })
  }, 120_000)

  test.each(NAMES)(
    'is seen as it was, goes on, and is kept in the layout of today: %s',
    async (name) => {
      const { seen, filled, coordinators, layouts } = recordedOf(name)
      const data = unpacked(name)
      expect(verify(data)).toMatchObject({ code: 0 })
      expect(layoutsIn(data)).toEqual(layouts)
      const after = await withBroker(data, async (wire) => {
        const before = await look(wire, coordinators)
        expect(compared(before)).toEqual(compared(seen))
        await goOnProducing(wire, filled.writer)
        if (coordinators) await goOnCoordinating(wire, filled)
        await createTopic(wire, 'new', 2)
        return look(wire, coordinators)
      })
      expect(after.clusterId).toBe(seen.clusterId)
      expect(after.topics).toEqual(
        [...seen.topics, after.topics.find((one) => /^new /.test(one))].sort(),
      )
      expect(verify(data)).toMatchObject({ code: 0 })
      const now = layoutsIn(data)
      for (const className of CLASSES) {
        if (now[className] !== undefined) expect(now[className]).toBe(TODAY[className])
      }
      const again = await withBroker(data, (wire) => look(wire, coordinators))
      expect(again).toEqual(after)
    },
  )
})

/** The batch that was last is known as such, and the next one is the next. */
async function goOnProducing(
  wire: Wire,
  { producerId, nextSequence, lastBatch }: Recorded['filled']['writer'],
) {
  const send = (baseSequence: number) => {
    const by = { producerId: BigInt(producerId), producerEpoch: 0, baseSequence }
    return produce(wire, 'records', 0, batch({ ...by, records: pair(baseSequence) }))
  }
  expect(await send(nextSequence - 2)).toMatchObject({ errorCode: 0, baseOffset: lastBatch })
  expect(await send(nextSequence)).toMatchObject({ errorCode: 0, baseOffset: lastBatch + 2 })
  // OUT_OF_ORDER_SEQUENCE_NUMBER.
  expect(await send(nextSequence + 4)).toMatchObject({ errorCode: 45 })
}

async function goOnCoordinating(
  wire: Wire,
  { member, transactional }: Recorded['filled'],
): Promise<void> {
  const { errorCode } = await wire.call(ConsumerGroupHeartbeat, 1, {
    groupId: 'members',
    ...member!,
  })
  expect(errorCode).toBe(0)
  const partition = { partitionIndex: 0, committedOffset: 50, committedMetadata: 'later' }
  const topics = [{ name: 'records', partitions: [partition] }]
  await wire.call(OffsetCommit, 8, { groupId: 'simple', memberId: '', topics })
  // The one that was open is aborted, with its offset.
  await until(async () => {
    const { transactionState } = await describeTransaction(wire, 'unfinished')
    return transactionState === 'CompleteAbort'
  })
  await until(async () => {
    const { lastStableOffset, highWatermark } = await fetch(wire, 'open', 0, 0)
    return lastStableOffset === 3 && highWatermark === 3
  })
  const by = await producer(wire, 'writer')
  expect(`${by.producerId}`).toBe(transactional!.producerId)
  expect(by.producerEpoch).toBeGreaterThan(transactional!.producerEpoch)
  expect(await produceIn(wire, by, 'transactions', 0, { version: 12 })).toMatchObject({
    errorCode: 0,
    baseOffset: 6,
  })
  await endAndGoOn(wire, by, true)
  await atRest(wire, 'writer')
}

/** The runtime keeps its alarm in a table of its own. */
const OUR_TABLES = `SELECT name, sql FROM sqlite_master
  WHERE sql IS NOT NULL AND name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY name`

/** How the tables of each class of objects were made. */
function tablesIn(data: string): Record<string, string[]> {
  const found: Record<string, string[]> = {}
  for (const className of CLASSES) {
    const made = databases(data, className).flatMap((path) =>
      inDatabase(path, (database) => database.prepare(OUR_TABLES).all()),
    )
    const texts = made.map(({ sql }) => String(sql).replaceAll(/\s+/g, ' '))
    found[className] = [...new Set(texts)].sort()
  }
  return found
}

/** Of every row of every table, so that a change of any is seen. */
function contentOf(path: string): string {
  return inDatabase(path, (database) => {
    const tables = database.prepare(OUR_TABLES).all()
    const hash = createHash('sha256')
    for (const { name, sql } of tables) {
      hash.update(`${name} ${sql}\n`)
      for (const row of database.prepare(`SELECT * FROM "${name}"`).all()) {
        for (const value of Object.values(row)) {
          hash.update(value instanceof Uint8Array ? value : `${typeof value} ${value}\n`)
        }
      }
    }
    return hash.digest('hex')
  })
}

/** What each class of objects answers when it does not know its own layout. */
const REFUSALS: Readonly<Record<(typeof CLASSES)[number], (broker: Broker) => Promise<void>>> = {
  async Cluster({ kafka, http }) {
    const wire = await Wire.open(kafka)
    const body = { topics: null, allowAutoTopicCreation: false }
    await expect(wire.call(Metadata, 12, body)).rejects.toThrow(Ended)
    expect((await globalThis.fetch(`${http}/v1/topics`)).status).toBeGreaterThanOrEqual(500)
  },
  async Partition({ kafka }) {
    const wire = await Wire.open(kafka)
    const bytes = batch({ records: [{ value: 'x' }] })
    expect(await produce(wire, 'records', 0, bytes)).toMatchObject({ errorCode: STORAGE_ERROR })
    expect(await fetch(wire, 'records', 0, 0)).toMatchObject({ errorCode: STORAGE_ERROR })
    // Others are as they should be.
    await createTopic(wire, 'other')
    expect(await produce(wire, 'other', 0, bytes)).toMatchObject({ errorCode: 0, baseOffset: 0 })
    wire.close()
  },
  async Group({ kafka }) {
    const wire = await Wire.open(kafka)
    const commit = (groupId: string) => {
      const partition = { partitionIndex: 0, committedOffset: 1, committedMetadata: null }
      const topics = [{ name: 'records', partitions: [partition] }]
      return wire.call(OffsetCommit, 8, { groupId, memberId: '', topics })
    }
    const codeOf = async (groupId: string) =>
      (await commit(groupId)).topics[0]!.partitions[0]!.errorCode
    expect(NOT_AVAILABLE).toContain(await codeOf('simple'))
    const groups = [{ groupId: 'simple', topics: null }]
    const got = await wire.call(OffsetFetch, 8, { groups, requireStable: false })
    expect(NOT_AVAILABLE).toContain(got.groups[0]!.errorCode)
    expect(await codeOf('other')).toBe(0)
    wire.close()
  },
  async Transaction({ kafka }) {
    const wire = await Wire.open(kafka)
    const initialise = (transactionalId: string) =>
      wire.call(InitProducerId, 4, { transactionalId, transactionTimeoutMs: 1_000 })
    expect(NOT_AVAILABLE).toContain((await initialise('writer')).errorCode)
    const transactionalIds = ['writer']
    const { transactionStates } = await wire.call(DescribeTransactions, 0, { transactionalIds })
    expect(NOT_AVAILABLE).toContain(transactionStates[0]!.errorCode)
    expect((await initialise('other')).errorCode).toBe(0)
    wire.close()
  },
}

describe('a layout newer than this release', () => {
  test.each(CLASSES)('is refused and left as it is: %s', async (className) => {
    const data = unpacked(NEWEST)
    const paths = databases(data, className).filter((path) => layoutOf(path) !== null)
    expect(paths.length).toBeGreaterThan(0)
    const newer = TODAY[className] + 1
    for (const path of paths) {
      inDatabase(path, (database) =>
        database.prepare('UPDATE schema_version SET version = ?').run(newer),
      )
    }
    const before = paths.map(contentOf)
    const broker = await startBroker({ data, args: KEPT_FOR_EVER })
    try {
      await REFUSALS[className](broker)
      const said = `the storage has layout ${newer}; this release reads up to ${TODAY[className]}`
      expect(broker.log.join('\n')).toContain(said)
      expect(broker.log.join('\n')).not.toContain('alarm was not set')
    } finally {
      await broker.stop()
    }
    expect(paths.map(contentOf)).toEqual(before)
  })
})
