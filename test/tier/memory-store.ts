// An object store in memory, held to the same contract as the real ones; for tests of whoever uses a store.
// `before` sees each call first: what it throws the call rejects with, and while it waits the call does.

import { TIER_LIST_OBJECTS } from '../../src/core/limits/tier.ts'
import { type ByteRange, checkBody, checkByteRange, checkKey } from '../../src/tier/calls.ts'
import { type ObjectPage, type ObjectStore, ObjectStoreError } from '../../src/tier/object-store.ts'

export type Operation = 'put' | 'get' | 'delete' | 'list'

export class MemoryStore implements ObjectStore {
  /** By key. What a test changes here is what the store then has. */
  readonly objects = new Map<string, Uint8Array>()
  before: (operation: Operation, key: string) => void | Promise<void> = () => {}

  async put(key: string, body: Uint8Array): Promise<void> {
    await this.before('put', key)
    checkKey(key)
    checkBody(key, body)
    this.objects.set(key, body.slice())
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array | null> {
    await this.before('get', key)
    checkKey(key)
    checkByteRange(key, range)
    const object = this.objects.get(key)
    if (object === undefined) return null
    const { offset, length } = range ?? { offset: 0, length: object.length }
    if (offset + length > object.length) {
      throw new ObjectStoreError(`get ${key}: ${object.length} bytes are there`, false)
    }
    return object.slice(offset, offset + length)
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      await this.before('delete', key)
      checkKey(key)
      this.objects.delete(key)
    }
  }

  async list(prefix: string, after: string | null): Promise<ObjectPage> {
    await this.before('list', prefix)
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(prefix) && key > (after ?? ''))
      .sort()
    const page = keys.slice(0, TIER_LIST_OBJECTS)
    return {
      objects: page.map((key) => ({ key, bytes: this.objects.get(key)?.length ?? 0 })),
      next: keys.length > page.length ? (page.at(-1) ?? null) : null,
    }
  }
}
