// Tens of thousands of real records, the stanzas of Debian's package index keyed by package name,
// through kcat with each codec and through curl as NDJSON; identical and in order per key; again after
// a restart and after kill -9. A browser reads them in test/browser.

import { describe, expect, type TestContext } from 'vitest'
import { Codec } from './batches.ts'
import { bootstrap } from './broker.ts'
import { createTopic, storedBatches } from './calls.ts'
import { type HttpRecord, readOverHttp } from './http-read.ts'
import { packageStanzas, type Stanza } from './packages.ts'
import { suite } from './target.ts'
import { needs, run } from './tools.ts'

const shared = suite('packages')
const { scenario, connect, topic, restart } = shared

/** Neither occurs in a package index. */
const FIELD = '\x1f'
const RECORD = '\x1e'

interface Written {
  readonly name: string
  readonly partitions: number
  readonly stanzas: readonly Stanza[]
}
const written: Written[] = []

interface Consumed extends Stanza {
  readonly partition: number
  readonly offset: number
}

/** Codecs and partition counts that get the whole index, the others a third of it. */
const WHOLE = ['none 1', 'zstd 8']

/** The last third: the names that repeat are among them. */
function some(stanzas: readonly Stanza[]): readonly Stanza[] {
  return stanzas.slice(-22_000)
}

async function kcatProduce(name: string, codec: string, stanzas: readonly Stanza[]): Promise<void> {
  const input = stanzas.map(({ key, value }) => key + FIELD + value).join(RECORD)
  const broker = bootstrap(shared.target.kafka)
  const args = ['-X', 'enable.idempotence=true', '-b', broker, '-P', '-t', name, '-z', codec]
  await run('kcat', [...args, '-K', FIELD, '-D', RECORD], input)
}

async function kcatConsume(name: string): Promise<Consumed[]> {
  const format = ['%p', '%o', '%k', '%s'].join(FIELD) + RECORD
  const broker = bootstrap(shared.target.kafka)
  const args = ['-X', 'check.crcs=true', '-b', broker, '-C', '-t', name, '-o', 'beginning']
  const out = await run('kcat', [...args, '-e', '-q', '-f', format])
  const records = out.toString('utf8').split(RECORD)
  expect(records.pop()).toBe('')
  return records.map((record) => {
    const [partition, offset, key = '', value = ''] = record.split(FIELD)
    return { partition: Number(partition), offset: Number(offset), key, value }
  })
}

/** Each key in one partition, offsets without gaps, and in each partition what was written, in order. */
function same(consumed: readonly Consumed[], { stanzas, partitions }: Written): void {
  expect(consumed).toHaveLength(stanzas.length)
  const partitionOf = new Map<string, number>()
  const read = Array.from({ length: partitions }, () => [] as Consumed[])
  for (const record of consumed) {
    const list = read[record.partition]!
    expect(record.offset).toBe(list.length)
    list.push(record)
    const seen = partitionOf.get(record.key) ?? record.partition
    if (seen !== record.partition) throw new Error(`${record.key} is in two partitions`)
    partitionOf.set(record.key, seen)
  }
  if (partitions > 1) expect(Math.min(...read.map((list) => list.length))).toBeGreaterThan(100)
  const next = read.map(() => 0)
  for (const { key, value } of stanzas) {
    const partition = partitionOf.get(key)!
    const record = read[partition]![next[partition]!]
    next[partition]! += 1
    if (record?.key !== key || record.value !== value) {
      throw new Error(`${key} is not record ${next[partition]! - 1} of partition ${partition}`)
    }
  }
}

describe("The stanzas of Debian's package index", () => {
  for (const [name, codec] of Object.entries(Codec)) {
    for (const partitions of [1, 8]) {
      const where = partitions === 1 ? 'one partition' : `${partitions} partitions`
      scenario(`go through kcat with codec ${name} and ${where} unchanged`, async (context) => {
        needs(context, 'kcat')
        const all = await packageStanzas(context)
        const stanzas = WHOLE.includes(`${name} ${partitions}`) ? all : some(all)
        expect(stanzas.length).toBeGreaterThan(10_000)
        const wire = await connect()
        const here = { name: topic(), partitions, stanzas }
        await createTopic(wire, here.name, partitions)
        await kcatProduce(here.name, name, stanzas)
        written.push(here)
        same(await kcatConsume(here.name), here)
        for (let partition = 0; partition < partitions; partition += 1) {
          const stored = await storedBatches(wire, here.name, partition)
          const odd = stored.filter((batch) => batch.codec !== codec || !batch.crcOk)
          expect(odd, 'stored batches of another codec or with a bad CRC').toEqual([])
          expect(stored.length).toBeGreaterThan(0)
        }
      })
    }
  }

  for (const partitions of [1, 8]) {
    const where = partitions === 1 ? 'one partition' : `${partitions} partitions`
    scenario(`go through curl as NDJSON and ${where} unchanged`, async (context) => {
      needs(context, 'curl')
      const stanzas = some(await packageStanzas(context))
      const wire = await connect()
      const here = { name: topic(), partitions, stanzas }
      await createTopic(wire, here.name, partitions)
      const lines = stanzas.map((stanza) => `${JSON.stringify(stanza)}\n`).join('')
      const url = `${shared.target.http}/v1/topics/${here.name}/records`
      const type = 'content-type: application/x-ndjson'
      const out = await run('curl', ['-sS', '-X', 'POST', '-H', type, '-T', '-', url], lines)
      const answer = JSON.parse(out.toString()) as NdjsonAnswer
      expect(answer).toMatchObject({ count: stanzas.length })
      const counted = Object.values(answer.partitions).map(({ first, last }) => last - first + 1)
      expect(counted.reduce((sum, count) => sum + count, 0)).toBe(stanzas.length)
      written.push(here)
      same(await curlConsume(here), here)
      if (partitions === 8) same(await kcatConsumeOr(context, here), here)
    })
  }

  for (const how of ['stop', 'kill'] as const) {
    const after = how === 'stop' ? 'after a restart' : 'after kill -9'
    scenario(`are all there ${after}`, async (context) => {
      needs(context, 'kcat', 'curl')
      await packageStanzas(context)
      expect(written).toHaveLength(shared.target.http === undefined ? 10 : 12)
      await restart(how)
      for (const here of written) same(await kcatConsume(here.name), here)
      const last = written.at(-1)!
      if (shared.target.http !== undefined) same(await curlConsume(last), last)
    })
  }
})

interface NdjsonAnswer {
  readonly count: number
  readonly partitions: Readonly<Record<string, { readonly first: number; readonly last: number }>>
}

async function curlConsume({ name, partitions }: Written): Promise<Consumed[]> {
  const get = async (url: string) => (await run('curl', ['-sS', '--fail', url])).toString('utf8')
  const consumed: Consumed[] = []
  for (let partition = 0; partition < partitions; partition += 1) {
    const records = await readOverHttp(shared.target.http!, name, partition, 0, get)
    consumed.push(...records.map((record) => plain(record, partition)))
  }
  return consumed
}

function plain({ offset, key, value }: HttpRecord, partition: number): Consumed {
  return { partition, offset, key: key ?? '', value: value ?? '' }
}

/** Where kcat is absent, curl's reading stands alone. */
async function kcatConsumeOr(context: TestContext, here: Written): Promise<Consumed[]> {
  needs(context, 'kcat')
  return kcatConsume(here.name)
}
