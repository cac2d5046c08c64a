// What wrangler's R2 does not do: fail as R2 does, answer with something else.

import { describe, expect, it } from 'vitest'
import { TIER_OBJECT_MAX_BYTES } from '../../src/core/limits/tier.ts'
import { type Bucket, R2Store } from '../../src/tier/r2-store.ts'

function bucketOf(change: Partial<Bucket>): R2Store {
  const none = () => Promise.reject(new Error('not asked for'))
  return new R2Store({ put: none, get: none, delete: none, list: none, ...change })
}

const object = (size: number, body = new ArrayBuffer(size)) => ({
  key: 'a/b',
  size,
  arrayBuffer: async () => body,
})

describe('an error of R2', () => {
  it.each([
    ['put: We encountered an internal error. Please try again. (10001)', true],
    ['put: Reduce your concurrent request rate for the same object. (10058)', true],
    ['put: Service Unavailable. (10043)', true],
    ['Network connection lost.', true],
    ['put: The specified bucket does not exist. (10006)', false],
    ['put: The specified object name is not valid. (10020)', false],
    ['get: The requested range is not satisfiable (10039)', false],
    ['put: Your proposed upload exceeds the maximum allowed object size. (100100)', false],
  ])('%s may be over later: %s', async (message, retriable) => {
    const fail = () => Promise.reject(new Error(message))
    const store = bucketOf({ put: fail, get: fail, delete: fail, list: fail })
    const error = { name: 'ObjectStoreError', retriable }
    await expect(store.put('a/b', new Uint8Array(1))).rejects.toMatchObject(error)
    await expect(store.get('a/b')).rejects.toMatchObject(error)
    await expect(store.delete(['a/b'])).rejects.toMatchObject(error)
    await expect(store.list('a/', null)).rejects.toMatchObject(error)
  })
})

describe('an object of R2', () => {
  it('that is larger than an object may be is not read', async () => {
    const large = { ...object(TIER_OBJECT_MAX_BYTES + 1), arrayBuffer: () => Promise.reject() }
    const got = bucketOf({ get: async () => large }).get('a/b')
    await expect(got).rejects.toMatchObject({ retriable: false })
  })

  it('that is shorter than it says may be whole later', async () => {
    const cut = async () => object(10, new ArrayBuffer(9))
    await expect(bucketOf({ get: cut }).get('a/b')).rejects.toMatchObject({ retriable: true })
  })

  it('whose range ends behind it is an error, though R2 gives what is there', async () => {
    const get = async () => object(10, new ArrayBuffer(3))
    const got = bucketOf({ get }).get('a/b', { offset: 7, length: 4 })
    await expect(got).rejects.toMatchObject({ retriable: false })
  })

  it('may be empty', async () => {
    expect(await bucketOf({ get: async () => object(0) }).get('a/b')).toHaveLength(0)
  })
})

describe('a delete', () => {
  it('is of at most a thousand keys at once', async () => {
    const asked: number[] = []
    const store = bucketOf({ delete: async (keys) => void asked.push(keys.length) })
    await store.delete(Array.from({ length: 2_001 }, (_, index) => `a/${index}`))
    expect(asked).toEqual([1_000, 1_000, 1])
  })
})
