// What every object store must do, as tests: run on the one in memory, on a directory and an S3 server
// through workerd, and on wrangler's R2. Runs inside workerd too, so it needs nothing of Node.

import { describe, expect, it } from 'vitest'
import { TIER_LIST_OBJECTS, TIER_OBJECT_MAX_BYTES } from '../../src/core/limits/tier.ts'
import type { ObjectStore } from '../../src/tier/object-store.ts'
import { putAndReadBack } from '../../src/tier/read-back.ts'

/** A thousand puts. */
const PAGES_MS = 60_000

const final = { name: 'ObjectStoreError', retriable: false }

/** Bytes in which no part looks like another. */
export function noise(length: number, seed = 1): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4))
  let state = seed
  for (let index = 0; index < words.length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    words[index] = state ^ (state >>> 15)
  }
  return new Uint8Array(words.buffer, 0, length)
}

/** toEqual walks typed arrays of megabytes for seconds. */
function same(a: Uint8Array | null, b: Uint8Array): boolean {
  if (a === null || a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}

async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for (let after: string | null = null; ; ) {
    const page: Awaited<ReturnType<ObjectStore['list']>> = await store.list(prefix, after)
    keys.push(...page.objects.map(({ key }) => key))
    if (page.next === null) return keys
    after = page.next
  }
}

/**
 * @param store gives the one store of all these tests, which keep to folders of their own
 * @param nests whether a key may begin with another and a slash: not where both are paths of files
 * @param simulated wrangler's R2 fails by itself where a range begins at the very end, and R2 does not
 */
export function storeContract(
  store: () => ObjectStore,
  { nests = true, simulated = false } = {},
): void {
  describe('an object', () => {
    it('is given back as it was put', async () => {
      const body = noise(100_000)
      await store().put('given/topic_-1/0/00000000000000000000-a', body)
      const found = await store().get('given/topic_-1/0/00000000000000000000-a')
      expect(same(found, body)).toBe(true)
      expect(found?.byteLength).toBe(found?.buffer.byteLength)
    })

    it('may be of the largest size, and no larger', async () => {
      const body = noise(TIER_OBJECT_MAX_BYTES)
      await putAndReadBack(store(), 'large/1', body)
      expect(same(await store().get('large/1'), body)).toBe(true)
      const larger = new Uint8Array(TIER_OBJECT_MAX_BYTES + 1)
      await expect(store().put('large/2', larger)).rejects.toMatchObject(final)
      expect(await store().get('large/2')).toBeNull()
      await store().delete(['large/1'])
    })

    it('is given back in part', async () => {
      const body = noise(10_000)
      await store().put('part/1', body)
      for (const [offset, length] of [
        [0, 1],
        [0, 10_000],
        [5_000, 1_234],
        [9_999, 1],
      ] as const) {
        const found = await store().get('part/1', { offset, length })
        expect(same(found, body.subarray(offset, offset + length)), `${offset}+${length}`).toBe(
          true,
        )
      }
    })

    it.each([
      [9_999, 2],
      [10_000, 1],
      [20_000, 5],
      [0, 10_001],
      [0, 0],
      [-1, 5],
      [0.5, 1],
      [0, TIER_OBJECT_MAX_BYTES + 1],
    ])('has no bytes at %d+%d, and that is an error', async (offset, length) => {
      await store().put('outside/1', noise(10_000))
      const got = store().get('outside/1', { offset, length })
      const own = simulated && offset === 10_000
      await expect(got).rejects.toMatchObject(own ? { name: final.name } : final)
    })

    it('that is not there is null', async () => {
      expect(await store().get('absent/1')).toBeNull()
      expect(await store().get('absent/1', { offset: 0, length: 1 })).toBeNull()
      await store().put('absent/2/3', noise(10))
      expect(await store().get('absent/2')).toBeNull()
    })

    it('may be put again', async () => {
      await store().put('again/1', noise(10_000))
      await store().put('again/1', noise(10_000))
      expect(same(await store().get('again/1'), noise(10_000))).toBe(true)
      expect(await keysOf(store(), 'again/')).toEqual(['again/1'])
    })

    it('is gone when it was deleted, and no other is', async () => {
      for (const key of ['gone/1', 'gone/10', 'gone/2/3', 'gone/4']) {
        await store().put(key, noise(10))
      }
      await store().delete(['gone/1', 'gone/4', 'gone/5', 'gone/6/7'])
      expect(await store().get('gone/1')).toBeNull()
      expect(await keysOf(store(), 'gone/')).toEqual(['gone/10', 'gone/2/3'])
      await store().delete(['gone/1', 'gone/2', 'gone'])
      expect(same(await store().get('gone/2/3'), noise(10))).toBe(true)
      await store().delete([])
    })

    it.runIf(nests)('may have another below it', async () => {
      for (const key of ['nest/1', 'nest/1/2', 'nest/1/2/3']) await store().put(key, noise(10))
      expect(await keysOf(store(), 'nest/')).toEqual(['nest/1', 'nest/1/2', 'nest/1/2/3'])
      await store().delete(['nest/1'])
      expect(await keysOf(store(), 'nest/1')).toEqual(['nest/1/2', 'nest/1/2/3'])
    })

    it('of many is gone with them', async () => {
      const keys = Array.from({ length: 50 }, (_, index) => `many/${index}`)
      for (const key of keys) await store().put(key, noise(1))
      await store().delete(keys)
      expect(await keysOf(store(), 'many/')).toEqual([])
    })
  })

  describe('a key', () => {
    const bad = ['', '/a', 'a/', 'a//b', '.', '..', '../a', 'a/../b', 'a/.b', 'ä', 'a b', 'a%2fb']
    it.each([...bad, 'a?b', 'a#b', 'a\\b', 'a\n', 'a'.repeat(513)])(
      'that not every store takes is refused: %j',
      async (key) => {
        await expect(store().put(key, noise(1))).rejects.toMatchObject(final)
        await expect(store().get(key)).rejects.toMatchObject(final)
        await expect(store().delete([key])).rejects.toMatchObject(final)
      },
    )
  })

  describe('a listing', () => {
    it('is empty where nothing is', async () => {
      expect(await store().list('nothing/', null)).toEqual({ objects: [], next: null })
    })

    it('has keys and sizes, in the order of the keys', async () => {
      const keys = ['order/a-b', 'order/a/1', 'order/a/0/x', 'order/a.b', 'order/A', 'order/a0']
      for (const [index, key] of keys.entries()) await store().put(key, noise(index + 1))
      const { objects, next } = await store().list('order/', null)
      expect(next).toBeNull()
      expect(objects.map(({ key }) => key)).toEqual(keys.toSorted())
      for (const { key, bytes } of objects) expect(bytes).toBe(keys.indexOf(key) + 1)
    })

    it('has what begins with the prefix, wherever that ends', async () => {
      for (const key of ['prefix/1/a', 'prefix/10/a', 'prefix/2/a', 'prefix/1-a']) {
        await store().put(key, noise(1))
      }
      expect(await keysOf(store(), 'prefix/1')).toEqual(['prefix/1-a', 'prefix/1/a', 'prefix/10/a'])
      expect(await keysOf(store(), 'prefix/1/')).toEqual(['prefix/1/a'])
      expect(await keysOf(store(), 'prefix/1/b')).toEqual([])
    })

    it('goes on behind a key, which need not be there', async () => {
      for (const key of ['after/a/1', 'after/a/3', 'after/b/1']) await store().put(key, noise(1))
      const behind = async (after: string) =>
        (await store().list('after/', after)).objects.map(({ key }) => key)
      expect(await behind('after/a/1')).toEqual(['after/a/3', 'after/b/1'])
      expect(await behind('after/a/2')).toEqual(['after/a/3', 'after/b/1'])
      expect(await behind('after/a/3')).toEqual(['after/b/1'])
      expect(await behind('after/b/1')).toEqual([])
    })

    it(
      'comes in pages',
      async () => {
        const count = TIER_LIST_OBJECTS + 3
        const keys = Array.from(
          { length: count },
          (_, index) => `pages/${index % 7}/${String(index).padStart(20, '0')}`,
        )
        for (let at = 0; at < count; at += 50) {
          await Promise.all(keys.slice(at, at + 50).map((key) => store().put(key, noise(1))))
        }
        const first = await store().list('pages/', null)
        expect(first.objects).toHaveLength(TIER_LIST_OBJECTS)
        expect(first.next).toBe(first.objects.at(-1)?.key)
        const second = await store().list('pages/', first.next)
        expect(second.next).toBeNull()
        const listed = [...first.objects, ...second.objects].map(({ key }) => key)
        expect(listed).toEqual(keys.toSorted())
      },
      PAGES_MS,
    )
  })
}
