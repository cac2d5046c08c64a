// What an ack means, as far as a test can say: the order of system calls shows that no reply leaves before
// the sync that covers it, and a write-ahead log that is cut at any byte behind the last sync, or ends in
// garbage there, loses nothing that was acknowledged before. SIGKILL keeps the page cache and would prove neither.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.ts'
import { DeleteRecords } from '../../../src/protocol/messages/delete-records.ts'
import { InitProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { OffsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { batch, readRecords } from '../../clients/batches.ts'
import { type Broker, startBroker } from '../../clients/broker.ts'
import { createTopic, fetch, produce, topicToCreate } from '../../clients/calls.ts'
import { endAndGoOn, type Producer, produceIn, producer } from '../../clients/transaction-calls.ts'
import { Wire } from '../../clients/wire.ts'
import { Random } from '../../simulation/platform/random.ts'
import { coverOf, readTrace } from '../checks/trace.ts'
import { copyOf, inDatabase, largestUnopened } from '../load/data-folder.ts'

const seed = Number(process.env.OTTLA_SEED ?? Math.floor(Math.random() * 2 ** 31))
const random = new Random(seed)
const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ottla-acks-'))
  folders.push(folder)
  return folder
}

/** Why system calls cannot be traced here; null when they can. */
function noTrace(): string | null {
  const tried = spawnSync('strace', ['-o', '/dev/null', 'true'], { encoding: 'utf8' })
  if (tried.error !== undefined) return 'strace is not installed'
  return tried.status === 0 ? null : `strace may not trace here: ${tried.stderr.trim()}`
}

const CALLS = 'write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,sendto,sendmsg'

/** Traces the broker's process while `run` runs; gives what strace wrote. */
async function traced(broker: Broker, run: () => Promise<void>): Promise<string> {
  const file = join(newFolder(), 'trace')
  const options = ['-f', '-yy', '-s', '80', '-e', `trace=${CALLS}`, '-o', file]
  const strace = spawn('strace', [...options, '-p', String(broker.workerdPid())], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await attached(strace)
  await run()
  const ended = new Promise<void>((done) => strace.once('exit', () => done()))
  strace.kill('SIGINT')
  await ended
  return readFileSync(file, 'utf8')
}

function attached(strace: ChildProcess): Promise<void> {
  return new Promise((done, failed) => {
    strace.stderr!.on('data', (text: Buffer) => {
      if (text.toString().includes('attached')) done()
      else failed(new Error(text.toString()))
    })
    strace.once('exit', () => failed(new Error('strace has ended')))
  })
}

const reason = noTrace()
const traces = reason === null ? '' : ` (skipped: ${reason})`

describe.skipIf(reason !== null)(
  `A reply leaves behind the sync of what it acknowledges${traces}`,
  () => {
    const REPLIES = 8

    /** What is acknowledged, by whom, and a call that does it. */
    const acknowledged: Readonly<
      Record<string, readonly [folder: string, call: (wire: Wire, index: number) => Promise<void>]>
    > = {
      'a record with acks=all': [
        '/ottla-Partition/',
        async (wire, index) => {
          expect((await produceOne(wire, index, -1)).errorCode).toBe(0)
        },
      ],
      'a record with acks=1': [
        '/ottla-Partition/',
        async (wire, index) => {
          expect((await produceOne(wire, index, 1)).errorCode).toBe(0)
        },
      ],
      'an offset of a group': [
        '/ottla-Group/',
        async (wire, index) => {
          expect(await commitOne(wire, index)).toBe(0)
        },
      ],
      'the deletion of records': [
        '/ottla-Partition/',
        async (wire, index) => {
          if (index === 0) {
            const records = Array.from({ length: 2 * REPLIES }, () => ({ value: 'v' }))
            await produce(wire, 't', 0, batch({ records, timestamp: Date.now() }))
          }
          const topics = [{ name: 't', partitions: [{ partitionIndex: 0, offset: index }] }]
          const got = await wire.call(DeleteRecords, 2, { topics, timeoutMs: 5_000 })
          expect(got.topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, lowWatermark: index })
        },
      ],
      'a created topic': [
        '/ottla-Cluster/',
        async (wire, index) => {
          const topics = [topicToCreate(`new-${index}`)]
          const got = await wire.call(CreateTopics, 7, { topics, timeoutMs: 5_000 })
          expect(got.topics[0]!.errorCode).toBe(0)
        },
      ],
      'the first epoch of a transactional id': [
        '/ottla-Transaction/',
        async (wire, index) => {
          const id = { transactionalId: `new-${index}`, transactionTimeoutMs: 60_000 }
          expect((await wire.call(InitProducerId, 4, id)).errorCode).toBe(0)
        },
      ],
    }

    test.each(Object.entries(acknowledged))('%s', async (_, [folder, call]) => {
      const broker = await startBroker({ data: newFolder() })
      try {
        const wire = await Wire.open(broker.kafka)
        await createTopic(wire, 't', 1)
        // The first of each kind is not traced: connections and objects are made for it.
        await call(wire, 0)
        const trace = await traced(broker, async () => {
          for (let index = 1; index <= REPLIES; index++) await call(wire, index)
        })
        const { replies, early } = coverOf(readTrace(trace), { folder, port: wire.localPort })
        expect(early).toEqual([])
        expect(replies).toBe(REPLIES)
        wire.close()
      } finally {
        await broker.stop()
      }
    })

    test('the end of a transaction', async () => {
      const broker = await startBroker({ data: newFolder() })
      try {
        const wire = await Wire.open(broker.kafka)
        await createTopic(wire, 't', 1)
        const ends = await Wire.open(broker.kafka)
        let by: Producer = await producer(wire, 'tx')
        const trace = await traced(broker, async () => {
          for (let index = 0; index < REPLIES; index++) {
            const { errorCode } = await produceIn(wire, by, 't', 0, {
              version: 12,
              value: `${index}`,
            })
            expect(errorCode).toBe(0)
            by = await endAndGoOn(ends, by, index % 2 === 0)
          }
        })
        const found = coverOf(readTrace(trace), {
          folder: '/ottla-Transaction/',
          port: ends.localPort,
        })
        expect(found).toEqual({ replies: REPLIES, early: [] })
        wire.close()
        ends.close()
      } finally {
        await broker.stop()
      }
    })
  },
)

function produceOne(wire: Wire, index: number, acks: number) {
  const records = [{ value: `record ${index}`.padEnd(300, '.') }]
  return produce(wire, 't', 0, batch({ records, timestamp: Date.now() }), { acks })
}

async function commitOne(wire: Wire, index: number): Promise<number> {
  const partition = { partitionIndex: 0, committedOffset: index, committedMetadata: null }
  const got = await wire.call(OffsetCommit, 8, {
    groupId: 'g',
    generationIdOrMemberEpoch: -1,
    memberId: '',
    groupInstanceId: null,
    topics: [{ name: 't', partitions: [partition] }],
  })
  return got.topics[0]!.partitions[0]!.errorCode
}

describe('A write-ahead log that ends anywhere behind the last sync', () => {
  const RECORDS = 40
  const CUTS = 300
  const STARTS = 4

  /** The log's size when each record was acknowledged: all before it was synced. */
  interface Written {
    readonly data: string
    readonly log: Buffer
    readonly sizes: readonly number[]
  }

  let written: Written | undefined

  async function write(): Promise<Written> {
    const data = newFolder()
    const broker = await startBroker({ data })
    const wire = await Wire.open(broker.kafka)
    await createTopic(wire, 't', 1)
    await produceOne(wire, 0, -1)
    const path = `${largestUnopened(data)}-wal`
    const sizes = [statSync(path).size]
    for (let index = 1; index < RECORDS; index++) {
      // One request in flight: what is acknowledged is all that was written.
      expect((await produceOne(wire, index, -1)).errorCode).toBe(0)
      sizes.push(statSync(path).size)
    }
    wire.close()
    await broker.kill()
    return { data, log: readFileSync(path), sizes }
  }

  /** The log as a power cut may leave it when `acked` records were acknowledged: all synced, then anything. */
  function afterCut({ log, sizes }: Written, acked: number): Buffer {
    const synced = sizes[acked - 1]!
    const end = random.between(synced, sizes[Math.min(acked, RECORDS - 1)]!)
    if (random.chance(0.5)) return log.subarray(0, end)
    // Blocks that were not synced may hold anything.
    const torn = Buffer.from(log.subarray(0, sizes[Math.min(acked + 1, RECORDS - 1)]))
    for (let at = end; at < torn.length; at++) torn[at] = random.between(0, 255)
    return torn
  }

  test(`holds every record that was acknowledged before (${CUTS} cuts)`, async () => {
    written ??= await write()
    // It only ever grows here: a log that is begun again would need another argument.
    expect(written.sizes).toEqual(written.sizes.toSorted((a, b) => a - b))
    expect(new Set(written.sizes).size).toBe(RECORDS)
    const data = copyOf(written.data)
    folders.push(data)
    const path = largestUnopened(data)
    const database = readFileSync(path)
    for (let times = 0; times < CUTS; times++) {
      const acked = random.between(1, RECORDS)
      writeFileSync(path, database)
      writeFileSync(`${path}-wal`, afterCut(written, acked))
      const offsets = inDatabase(path, (opened) =>
        opened.prepare('SELECT first_offset FROM chunk ORDER BY first_offset').all(),
      ).map((row) => Number(row.first_offset))
      const wanted = Array.from({ length: acked }, (_, offset) => offset)
      expect(offsets.slice(0, acked), `OTTLA_SEED=${seed}`).toEqual(wanted)
    }
  })

  test('is opened by a broker, which serves them and goes on behind them', async () => {
    written ??= await write()
    for (let times = 0; times < STARTS; times++) {
      const acked = random.between(1, RECORDS)
      const data = copyOf(written.data)
      folders.push(data)
      writeFileSync(`${largestUnopened(data)}-wal`, afterCut(written, acked))
      const broker = await startBroker({ data })
      try {
        const wire = await Wire.open(broker.kafka)
        const { records } = await fetch(wire, 't', 0, 0, { partitionMaxBytes: 8_000_000 })
        const values = readRecords(records).map(({ value }) => value?.split('.')[0])
        const wanted = Array.from({ length: acked }, (_, index) => `record ${index}`)
        expect(values.slice(0, acked), `OTTLA_SEED=${seed}`).toEqual(wanted)
        expect((await produceOne(wire, 99, -1)).baseOffset).toBe(values.length)
        wire.close()
      } finally {
        await broker.stop()
      }
    }
  })

  test('would show a record that was not synced as lost: a cut before its end does', async () => {
    written ??= await write()
    const data = copyOf(written.data)
    folders.push(data)
    const path = largestUnopened(data)
    truncateSync(`${path}-wal`, written.sizes[20]! - 1)
    const { count } = inDatabase(path, (opened) =>
      opened.prepare('SELECT count(*) AS count FROM chunk').get(),
    )!
    expect(count).toBe(20)
  })
})
