// What the tier asks of an object store, and no more than R2, S3 and a directory all have. Not the stores
// themselves (r2-store.ts, directory-store.ts, s3-store.ts) and not what is kept in them (segment.ts);
// which one there is, if any, is read from the environment in tier.ts.

/**
 * Objects under keys, as R2 and S3 have them. Immutable by our use: a key is written once, or again with the
 * same bytes. Every method rejects with an ObjectStoreError, and tries once: when to try again is the caller's.
 */
export interface ObjectStore {
  /** Whole object; resolves when the store has confirmed it. At most TIER_OBJECT_MAX_BYTES. */
  put(key: string, body: Uint8Array): Promise<void>
  /** Null where there is none. `range` in bytes, within the object: one that is not is an error. */
  get(
    key: string,
    range?: { readonly offset: number; readonly length: number },
  ): Promise<Uint8Array | null>
  /** What is not there is not an error. */
  delete(keys: readonly string[]): Promise<void>
  /** In order of key, a page at a time. `next` is what to give as `after` for the page that follows. */
  list(prefix: string, after: string | null): Promise<ObjectPage>
}

/** Part of a listing; `next` is null on the last page. */
export interface ObjectPage {
  readonly objects: readonly StoredObject[]
  readonly next: string | null
}

/** An object as a listing names it. */
export interface StoredObject {
  readonly key: string
  readonly bytes: number
}

/** What the environment configures. */
export interface Tier {
  readonly store: ObjectStore
  /** Whether a confirmed put survives the loss of power. */
  readonly isSynced: boolean
}

/** The store did not do what it was asked to. Of a put or a delete it is then unknown whether it took effect. */
export class ObjectStoreError extends Error {
  override readonly name = 'ObjectStoreError'
  /** The same call may succeed later: the store was not reached, was busy, or failed by itself. */
  readonly retriable: boolean

  constructor(message: string, retriable: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.retriable = retriable
  }
}
