// Objects as files of a directory, through workerd's disk service. It replaces a file whole (a temporary file
// beside it, then a rename), answers ranges, lists a folder as JSON, removes a folder with all that is in it,
// and never syncs: what it has confirmed can be gone after the loss of power. Not a web server's files.

import { TIER_LIST_OBJECTS, TIER_REQUESTS_AT_ONCE } from '../core/limits/tier.ts'
import {
  type ByteRange,
  call,
  checkBody,
  checkByteRange,
  checkKey,
  dismiss,
  objectOf,
  rangeHeader,
  type Send,
  textOf,
} from './calls.ts'
import {
  type ObjectPage,
  type ObjectStore,
  ObjectStoreError,
  type StoredObject,
} from './object-store.ts'

/** At the end of each file's name, and of no folder's: what is deleted is never a folder. */
const SUFFIX = '.object'

/** The service looks at the path alone. */
const ORIGIN = 'http://directory/'

const NOT_FOUND = 404
const OUTSIDE = 416

/** An entry of a folder, as the service lists it. */
interface Entry {
  readonly name: string
  readonly type: string
}

/** Objects in a directory. */
export class DirectoryStore implements ObjectStore {
  readonly #send: Send

  constructor(send: Send) {
    this.#send = send
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    const url = urlOf(key)
    checkBody(key, body)
    await call(`put ${key}`, async (signal) => {
      const init = { method: 'PUT', body: body as Uint8Array<ArrayBuffer>, signal }
      await this.#done(`put ${key}`, new Request(url, init), false)
    })
  }

  get(key: string, range?: ByteRange): Promise<Uint8Array | null> {
    const what = `get ${key}`
    return call(what, async (signal) => {
      const url = urlOf(key)
      checkByteRange(key, range)
      const headers = range === undefined ? {} : { range: rangeHeader(range) }
      const response = await this.#send(new Request(url, { headers, signal }))
      if (response.status === NOT_FOUND) {
        await dismiss(response)
        return null
      }
      if (response.status !== OUTSIDE && !response.ok) throw await failure(what, response)
      return objectOf(what, response, range)
    })
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += TIER_REQUESTS_AT_ONCE) {
      const some = keys.slice(at, at + TIER_REQUESTS_AT_ONCE).map((key) => this.#deleteOne(key))
      await Promise.all(some)
    }
  }

  #deleteOne(key: string): Promise<void> {
    const what = `delete ${key}`
    return call(what, async (signal) => {
      await this.#done(what, new Request(urlOf(key), { method: 'DELETE', signal }), true)
    })
  }

  async #done(what: string, request: Request, mayBeAbsent: boolean): Promise<void> {
    const response = await this.#send(request)
    if (!response.ok && !(mayBeAbsent && response.status === NOT_FOUND)) {
      throw await failure(what, response)
    }
    await dismiss(response)
  }

  async list(prefix: string, after: string | null): Promise<ObjectPage> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    const keys: string[] = []
    await this.#collect(folder, prefix, after ?? '', keys)
    const page = keys.slice(0, TIER_LIST_OBJECTS)
    const objects: StoredObject[] = []
    for (let at = 0; at < page.length; at += TIER_REQUESTS_AT_ONCE) {
      const some = page.slice(at, at + TIER_REQUESTS_AT_ONCE)
      const found = await Promise.all(some.map((key) => this.#sizeOf(key)))
      for (const object of found) if (object !== null) objects.push(object)
    }
    return { objects, next: keys.length > page.length ? (page.at(-1) ?? null) : null }
  }

  /** Keys behind `after`, in order, until there is one more than a page has. */
  async #collect(folder: string, prefix: string, after: string, keys: string[]): Promise<void> {
    for (const path of await this.#paths(folder)) {
      if (keys.length > TIER_LIST_OBJECTS) return
      if (path.endsWith('/')) {
        const mayMatch = path.startsWith(prefix) || prefix.startsWith(path)
        const isBehind = path > after || after.startsWith(path)
        if (mayMatch && isBehind) await this.#collect(path, prefix, after, keys)
      } else if (path.startsWith(prefix) && path > after) keys.push(path)
    }
  }

  /** What is in a folder: keys, and folders with a slash at their end, as their keys are ordered. */
  #paths(folder: string): Promise<readonly string[]> {
    const what = `list ${folder}`
    return call(what, async (signal) => {
      const response = await this.#send(new Request(ORIGIN + folder, { signal }))
      if (response.status === NOT_FOUND) {
        await dismiss(response)
        return []
      }
      if (!response.ok) throw await failure(what, response)
      const paths = (JSON.parse(await textOf(what, response)) as readonly Entry[]).flatMap(
        ({ name, type }) => {
          if (type === 'directory') return [`${folder}${name}/`]
          if (type !== 'file' || !name.endsWith(SUFFIX)) return []
          return [folder + name.slice(0, -SUFFIX.length)]
        },
      )
      return paths.sort()
    })
  }

  /** null when it has gone meanwhile. */
  #sizeOf(key: string): Promise<StoredObject | null> {
    const what = `size of ${key}`
    return call(what, async (signal) => {
      const response = await this.#send(new Request(urlOf(key), { method: 'HEAD', signal }))
      if (response.status === NOT_FOUND) return null
      if (!response.ok) throw await failure(what, response)
      return { key, bytes: Number(response.headers.get('content-length') ?? 0) }
    })
  }
}

function urlOf(key: string): string {
  checkKey(key)
  if (`${key}/`.includes(`${SUFFIX}/`)) throw new ObjectStoreError(`not a key: ${key}`, false)
  return ORIGIN + key + SUFFIX
}

/** A disk that is full, or a folder that may not be written, is not told apart by the service. */
async function failure(what: string, response: Response): Promise<ObjectStoreError> {
  await dismiss(response)
  return new ObjectStoreError(`${what}: status ${response.status}`, response.status >= 500)
}
