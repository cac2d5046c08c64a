import { beforeEach, describe, expect, it } from 'vitest'
import { TIER_READ_BACK_BYTES } from '../../src/core/limits/tier.ts'
import { ObjectStoreError } from '../../src/tier/object-store.ts'
import { putAndReadBack } from '../../src/tier/read-back.ts'
import { MemoryStore } from './memory-store.ts'
import { noise } from './store-contract.ts'

const body = noise(2 * TIER_READ_BACK_BYTES + 13)
let store: MemoryStore

/** What the store has is changed between the put and what is read back. */
function spoiling(change: (object: Uint8Array) => Uint8Array | null): void {
  store.before = (operation) => {
    const object = store.objects.get('k')
    if (operation !== 'get' || object === undefined) return
    const changed = change(object)
    if (changed === null) store.objects.delete('k')
    else store.objects.set('k', changed)
  }
}

beforeEach(() => {
  store = new MemoryStore()
})

describe('reading back', () => {
  it('finds what was put, also from the middle of a buffer', async () => {
    await putAndReadBack(store, 'k', body)
    await putAndReadBack(store, 'k', body.subarray(3, 3 + TIER_READ_BACK_BYTES + 5))
    expect(store.objects.get('k')).toHaveLength(TIER_READ_BACK_BYTES + 5)
  })

  it.each([0, 1, 7, TIER_READ_BACK_BYTES - 1, TIER_READ_BACK_BYTES, body.length - 1])(
    'finds that byte %d is another',
    async (at) => {
      spoiling((object) => {
        const changed = object.slice()
        changed[at] = (body[at] ?? 0) ^ 1
        return changed
      })
      await expect(putAndReadBack(store, 'k', body)).rejects.toMatchObject({ retriable: true })
    },
  )

  it('finds that it is shorter, or gone', async () => {
    spoiling((object) => object.slice(0, -1))
    await expect(putAndReadBack(store, 'k', body)).rejects.toThrow(ObjectStoreError)
    spoiling(() => null)
    await expect(putAndReadBack(store, 'k', body)).rejects.toMatchObject({ retriable: true })
  })
})
