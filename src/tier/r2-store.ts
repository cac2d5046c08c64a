// Objects in an R2 bucket, through the Worker's binding. What R2 has confirmed is durable. Not its S3 API.

import { TIER_LIST_OBJECTS } from '../core/limits/tier.ts'
import { type ByteRange, call, checkBody, checkByteRange, checkKey } from './calls.ts'
import { type ObjectPage, type ObjectStore, ObjectStoreError } from './object-store.ts'

/** As much of the runtime's R2Bucket as is used. */
export interface Bucket {
  put(key: string, body: Uint8Array): Promise<unknown>
  get(key: string, options?: { readonly range: ByteRange }): Promise<BucketObject | null>
  delete(keys: string[]): Promise<void>
  list(options: {
    prefix: string
    startAfter?: string
    limit: number
  }): Promise<{ readonly objects: readonly BucketEntry[]; readonly truncated: boolean }>
}

interface BucketEntry {
  readonly key: string
  /** Of the whole object. */
  readonly size: number
}

interface BucketObject extends BucketEntry {
  arrayBuffer(): Promise<ArrayBuffer>
}

/** Keys that one delete of R2 takes. */
const DELETE_KEYS = 1_000

/** R2's errors end with their number. Of these the same call will not succeed later. */
const FINAL = /\((10002|10003|10006|10011|10012|10020|10022|10029|10037|10039|100100)\)$/

/** Objects in an R2 bucket. */
export class R2Store implements ObjectStore {
  readonly #bucket: Bucket

  constructor(bucket: Bucket) {
    this.#bucket = bucket
  }

  put(key: string, body: Uint8Array): Promise<void> {
    return ask(`put ${key}`, async () => {
      checkKey(key)
      checkBody(key, body)
      await this.#bucket.put(key, body)
    })
  }

  get(key: string, range?: ByteRange): Promise<Uint8Array | null> {
    const what = `get ${key}`
    return ask(what, async () => {
      checkKey(key)
      checkByteRange(key, range)
      const found = await this.#bucket.get(key, range === undefined ? undefined : { range })
      if (found === null) return null
      const { offset, length } = range ?? { offset: 0, length: found.size }
      checkByteRange(key, { offset, length: Math.max(1, length) })
      const bytes = new Uint8Array(await found.arrayBuffer())
      if (bytes.length === length && offset + length <= found.size) return bytes
      const reason = `${length} bytes asked for, ${bytes.length} came of ${found.size}`
      throw new ObjectStoreError(`${what}: ${reason}`, offset + length <= found.size)
    })
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += DELETE_KEYS) {
      const some = keys.slice(at, at + DELETE_KEYS)
      await ask(`delete ${some[0]}`, async () => {
        for (const key of some) checkKey(key)
        await this.#bucket.delete(some)
      })
    }
  }

  list(prefix: string, after: string | null): Promise<ObjectPage> {
    return ask(`list ${prefix}`, async () => {
      const start = after === null ? {} : { startAfter: after }
      const { objects, truncated } = await this.#bucket.list({
        prefix,
        limit: TIER_LIST_OBJECTS,
        ...start,
      })
      return {
        objects: objects.map(({ key, size }) => ({ key, bytes: size })),
        next: truncated ? (objects.at(-1)?.key ?? null) : null,
      }
    })
  }
}

function ask<T>(what: string, work: () => Promise<T>): Promise<T> {
  return call(what, work, (error) => !(error instanceof Error && FINAL.test(error.message)))
}
