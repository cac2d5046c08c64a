// A store that does not do what it is asked to, and what is damaged on either side: the log stays, what cannot be
// read is told as such and nothing else is, and what one side has the other gets back.

import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../../src/core/errors.ts'
import { offset } from '../../../src/core/ids.ts'
import { TIER_LATE_PUT_MS, TIER_RETRY_MAX_MS } from '../../../src/core/limits/tier.ts'
import { ObjectStoreError } from '../../../src/tier/object-store.ts'
import { batchOfSize, settled, TARGET } from '../harness.ts'
import { HALF, offsetsOf, TieredBench } from './world.ts'

function unreachable(): never {
  throw new ObjectStoreError('nobody answers', true)
}

async function status(bench: TieredBench) {
  return (await bench.leader.size(TARGET)).tier
}

async function tiered(): Promise<TieredBench> {
  const bench = new TieredBench()
  await bench.fill(7)
  await bench.rest()
  return bench
}

describe('a store that cannot be reached', () => {
  it('costs nothing but room: the log stays local, and the reason can be seen', async () => {
    const bench = new TieredBench()
    bench.objects.before = unreachable
    await bench.fill(7)
    const sinceMs = bench.nowMs
    await bench.rest(20_000)
    expect(bench.local).toHaveLength(7)
    expect(offsetsOf((await bench.all(0)).batches)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(await status(bench)).toMatchObject({
      localLogStartOffset: 0,
      tieredEndOffset: -1,
      failure: { reason: 'nobody answers' },
    })
    expect((await status(bench))!.failure!.sinceMs - sinceMs).toBeLessThan(2_000)
  })

  it.each([
    ['nothing', () => true],
    ['all but puts', (operation: string) => operation === 'put'],
  ])('and does %s is told of once, asked less and less, and used again', async (_, fails) => {
    const bench = new TieredBench()
    let asked = 0
    bench.objects.before = (operation) => {
      if (!fails(operation)) return
      asked += 1
      unreachable()
    }
    await bench.fill(7)
    await bench.rest(60_000)
    expect(asked).toBeGreaterThan(3)
    expect(asked).toBeLessThan(20)
    expect(bench.reported).toEqual(['the log is not tiered'])
    bench.objects.before = () => {}
    await bench.rest(TIER_RETRY_MAX_MS)
    expect(bench.segments).toHaveLength(3)
    expect((await status(bench))!.failure).toBeNull()
    expect(bench.keys).toEqual(bench.segments.map(({ key }) => key))
  })

  it('answers readers of what is there alone with an error that they try again after', async () => {
    const bench = await tiered()
    const before = await bench.all(0)
    bench.restart()
    bench.objects.before = unreachable
    for (let again = 0; again < 5; again++) {
      expect((await bench.read(0)).error).toBe(KafkaError.KAFKA_STORAGE_ERROR)
    }
    expect(bench.reported).toEqual(['the tier cannot be read'])
    expect((await status(bench))!.failure).toMatchObject({ reason: 'nobody answers' })
    expect(offsetsOf((await bench.all(6)).batches)).toEqual([6])
    bench.objects.before = () => {}
    expect(await bench.all(0)).toEqual(before)
    expect((await status(bench))!.failure).toBeNull()
  })

  it('is fine again with the first object that is put and read back, however much is left to do', async () => {
    const bench = new TieredBench()
    bench.objects.before = unreachable
    await bench.fill(40)
    await bench.rest(20_000)
    expect((await status(bench))!.failure).toMatchObject({ reason: 'nobody answers' })
    const failures: unknown[] = []
    bench.objects.before = (operation) => {
      if (operation === 'put') void status(bench).then((now) => failures.push(now!.failure))
    }
    await bench.rest(TIER_RETRY_MAX_MS)
    expect(bench.segments).toHaveLength(19)
    expect(failures[0]).toMatchObject({ reason: 'nobody answers' })
    expect(failures.slice(1)).toEqual(Array(18).fill(null))
  })

  it('is fine again for readers too, though none has come since', async () => {
    const bench = await tiered()
    bench.objects.before = unreachable
    expect((await bench.read(0)).error).toBe(KafkaError.KAFKA_STORAGE_ERROR)
    expect((await status(bench))!.failure).toMatchObject({ reason: 'nobody answers' })
    bench.objects.before = () => {}
    await bench.fill(3)
    await bench.rest()
    expect(bench.segments).toHaveLength(4)
    expect((await status(bench))!.failure).toBeNull()
  })

  it('is not fine for readers of an object that is gone, whatever else is put there', async () => {
    const bench = await tiered()
    bench.objects.objects.delete(bench.segments[0]!.key)
    await bench.read(0)
    const failure = (await status(bench))!.failure
    await bench.fill(3)
    await bench.rest()
    expect(bench.segments).toHaveLength(4)
    expect((await status(bench))!.failure).toEqual(failure)
  })

  it('is of no account when there is nothing left for it to do', async () => {
    const bench = new TieredBench()
    bench.objects.before = unreachable
    await bench.fill(7)
    await bench.rest(20_000)
    expect((await status(bench))!.failure).not.toBeNull()
    await bench.leader.deleteRecords({ ...TARGET, offset: offset(7) })
    await bench.rest(TIER_RETRY_MAX_MS)
    bench.objects.before = () => {}
    await bench.rest(2 * TIER_LATE_PUT_MS)
    expect(bench.segments).toEqual([])
    expect((await status(bench))!.failure).toBeNull()
  })

  it('does not let a deleted topic go before its objects have', async () => {
    const bench = await tiered()
    await bench.leader.fence(TARGET)
    bench.objects.before = unreachable
    await expect(bench.leader.free(TARGET)).rejects.toThrow('nobody answers')
    bench.objects.before = () => {}
    while ((await bench.leader.free(TARGET)) !== 'freed') await bench.pass(10)
    expect(bench.keys).toEqual([])
  })

  it('is not there at all when it is not configured any more', async () => {
    const bench = await tiered()
    bench.tier = null
    bench.restart()
    expect((await bench.read(0)).error).toBe(KafkaError.KAFKA_STORAGE_ERROR)
    expect(offsetsOf((await bench.all(6)).batches)).toEqual([6])
    expect((await status(bench))!.failure!.reason).toContain('none is configured')
  })
})

describe('a store that keeps something else than it was given', () => {
  it('is found out before anything is given up', async () => {
    const bench = new TieredBench()
    const put = bench.objects.put.bind(bench.objects)
    bench.objects.put = async (key, body) => {
      const other = body.slice()
      other[other.length >> 1]! ^= 1
      await put(key, other)
    }
    await bench.fill(7)
    await bench.rest(20_000)
    expect(bench.segments).toEqual([])
    expect(bench.local).toHaveLength(7)
    expect((await status(bench))!.failure!.reason).toContain('other bytes')
  })
})

describe('a damaged object', () => {
  it.each<[string, (bytes: Uint8Array) => Uint8Array | null]>([
    ['has a bit flipped in its batches', (bytes) => flipped(bytes, 1_000)],
    ['has a bit flipped in its index', (bytes) => flipped(bytes, bytes.length - 60)],
    ['has a bit flipped in its footer', (bytes) => flipped(bytes, bytes.length - 2)],
    ['is cut', (bytes) => bytes.slice(0, bytes.length - 100)],
    ['is cut in its batches', (bytes) => bytes.slice(0, 100_000)],
    ['is gone', () => null],
  ])('%s: its records are damaged, all others are read', async (_, damage) => {
    const bench = await tiered()
    const { key } = bench.segments[1]!
    // Nothing of it is remembered.
    const other = damage(bench.objects.objects.get(key)!)
    const index = await import('../../../src/partition/tiering/tier-indexes.ts')
    index.isolateIndexes.remove(key)
    if (other === null) bench.objects.objects.delete(key)
    else bench.objects.objects.set(key, other)
    bench.restart()
    const reply = await bench.read(2)
    expect(reply.error).toBe(KafkaError.CORRUPT_MESSAGE)
    expect(reply.damage!.firstOffset).toBe(2)
    expect(reply.damage!.lastOffset).toBeLessThanOrEqual(3)
    expect(bench.reported).toEqual(['stored records are damaged'])
    expect(offsetsOf((await bench.read(0)).pieces)).toEqual([0, 1])
    expect(offsetsOf((await bench.all(4)).batches)).toEqual([4, 5, 6])
  })

  it('whose row is damaged is told as damaged too', async () => {
    const bench = await tiered()
    bench.storage.direct('UPDATE tier_segment SET size = size + 1 WHERE first_offset = 2')
    expect((await bench.read(2)).error).toBe(KafkaError.CORRUPT_MESSAGE)
    expect(offsetsOf((await bench.all(4)).batches)).toEqual([4, 5, 6])
  })

  it('whose row is gone leaves a gap that is told', async () => {
    const bench = await tiered()
    bench.storage.direct('DELETE FROM tier_segment WHERE first_offset = 2')
    const reply = await bench.read(2)
    expect(reply).toMatchObject({
      error: KafkaError.CORRUPT_MESSAGE,
      damage: { firstOffset: 2, lastOffset: 3 },
    })
    expect(offsetsOf((await bench.read(0)).pieces)).toEqual([0, 1])
  })
})

describe('a damaged local chunk that the tier has too', () => {
  it.each<[string, string]>([
    [
      'a bit of its batches',
      'UPDATE chunk SET data = zeroblob(length(data)) WHERE first_offset = 2',
    ],
    ['one of its columns', 'UPDATE chunk SET last_offset = 7 WHERE first_offset = 2'],
    ['its row', 'DELETE FROM chunk WHERE first_offset = 2'],
    ['its row and the next', 'DELETE FROM chunk WHERE first_offset IN (2, 3)'],
  ])('%s: it is read from there, and put back', async (_, damage) => {
    const bench = new TieredBench({ localRetentionBytes: -1 })
    await bench.fill(7)
    const before = await bench.all(0)
    await bench.rest()
    expect(bench.local).toHaveLength(7)
    bench.storage.direct(damage)
    bench.restart()
    expect(await bench.all(0)).toEqual(before)
    expect(bench.reported.slice(0, 1)).toEqual(['stored records are damaged'])
    await bench.rest()
    // From local rows alone.
    bench.objects.before = unreachable
    bench.restart()
    expect(await bench.all(0)).toEqual(before)
    expect(bench.local.map(({ first }) => first)).toEqual([0, 1, 2, 3, 4, 5, 6])
  })

  it('is one batch larger than a row', async () => {
    const bench = new TieredBench({ localRetentionBytes: -1, maxMessageBytes: 8_000_000 })
    await bench.fill(1)
    await bench.stored(batchOfSize(4_000_000))
    await bench.fill(3)
    const before = await bench.all(0)
    await bench.rest()
    bench.storage.direct('UPDATE chunk_part SET data = zeroblob(length(data)) WHERE part = 2')
    bench.restart()
    expect(await bench.all(0)).toEqual(before)
    await bench.rest()
    bench.objects.before = unreachable
    bench.restart()
    expect(await bench.all(0)).toEqual(before)
  }, 30_000)

  it('is damaged all the same when the tier has no copy', async () => {
    const bench = new TieredBench({ localRetentionBytes: -1 })
    await bench.fill(7)
    await bench.rest()
    bench.storage.direct('UPDATE chunk SET data = zeroblob(length(data)) WHERE first_offset = 6')
    bench.restart()
    expect((await bench.read(6)).error).toBe(KafkaError.CORRUPT_MESSAGE)
  })
})

describe('a chunk that is damaged before it was uploaded', () => {
  it('stays where it is, and holds up what is behind it', async () => {
    const bench = new TieredBench()
    await bench.fill(7)
    bench.storage.direct('UPDATE chunk SET data = zeroblob(length(data)) WHERE first_offset = 3')
    await bench.rest()
    expect(bench.segments.map(({ first, last }) => [first, last])).toEqual([[0, 1]])
    expect((await status(bench))!.failure!.reason).toContain('offsets 3 to 3')
    expect(bench.local.map(({ first }) => first)).toEqual([2, 3, 4, 5, 6])
    // Until nobody wants it any more.
    await bench.leader.deleteRecords({ ...TARGET, offset: offset(4) })
    await bench.rest(TIER_RETRY_MAX_MS)
    expect(bench.segments.map(({ first, last }) => [first, last])).toEqual([[4, 5]])
  })
})

describe('storage that fails', () => {
  it('at any statement of a step costs that step alone', async () => {
    for (let failAt = 1; failAt < 40; failAt += 1) {
      const bench = new TieredBench()
      await bench.fill(5, HALF)
      const before = await bench.all(0)
      bench.storage.countFrom()
      bench.storage.failAt = failAt
      await bench.rest(15_000)
      await settled()
      bench.storage.failAt = 0
      bench.restart()
      expect(await bench.all(0)).toEqual(before)
      await bench.rest(15_000)
      expect(bench.segments.map(({ first, last }) => [first, last])).toEqual([
        [0, 1],
        [2, 3],
      ])
    }
  }, 120_000)
})

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const other = bytes.slice()
  other[at]! ^= 0x10
  return other
}
