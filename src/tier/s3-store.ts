// Objects in a bucket of any S3-compatible server: PutObject, GetObject, DeleteObject and ListObjectsV2 with
// the bucket in the path, signed by aws4fetch (Signature Version 4, the body included). Each call is one
// request, without a second try. Not multipart, and nothing of the server's own configuration.
// https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html

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
import { type ObjectPage, type ObjectStore, ObjectStoreError } from './object-store.ts'
import { errorOf, pageOf } from './s3-answers.ts'

/** Who asks. Never in a log, an error or an answer. */
export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials. */
  readonly sessionToken: string | null
}

/** Which bucket, and which part of it. */
export interface S3Place {
  /** Origin of the server, without a slash at its end. */
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  /** Before every key; empty, or with a slash at its end. */
  readonly prefix: string
}

interface Asked {
  readonly method: string
  readonly url: string
  readonly body?: Uint8Array
  readonly range?: ByteRange
}

/** Objects in an S3 bucket. */
export class S3Store implements ObjectStore {
  readonly #bucket: string
  readonly #place: S3Place
  readonly #credentials: S3Credentials
  readonly #send: Send
  /** Derived keys, of which there is a new one each day. */
  readonly #keys = new Map<string, ArrayBuffer>()

  constructor(place: S3Place, credentials: S3Credentials, send: Send) {
    this.#bucket = `${place.endpoint}/${place.bucket}`
    this.#place = place
    this.#credentials = credentials
    this.#send = send
  }

  put(key: string, body: Uint8Array): Promise<void> {
    const what = `put ${key}`
    return call(what, async (signal) => {
      checkBody(key, body)
      const response = await this.#ask({ method: 'PUT', url: this.#urlOf(key), body }, signal)
      if (!response.ok) throw await errorOf(what, response)
      await dismiss(response)
    })
  }

  get(key: string, range?: ByteRange): Promise<Uint8Array | null> {
    const what = `get ${key}`
    return call(what, async (signal) => {
      checkByteRange(key, range)
      const part = range === undefined ? {} : { range }
      const asked = { method: 'GET', url: this.#urlOf(key), ...part }
      const response = await this.#ask(asked, signal)
      if (response.ok) return objectOf(what, response, range)
      const error = await errorOf(what, response)
      // A bucket that is not there, or a proxy that knows nothing, says nothing about the object.
      if (error.code === 'NoSuchKey') return null
      throw error
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
      const response = await this.#ask({ method: 'DELETE', url: this.#urlOf(key) }, signal)
      if (response.ok) return dismiss(response)
      const error = await errorOf(what, response)
      if (error.code !== 'NoSuchKey') throw error
    })
  }

  list(prefix: string, after: string | null): Promise<ObjectPage> {
    const what = `list ${prefix}`
    const own = this.#place.prefix
    return call(what, async (signal) => {
      const query = new URLSearchParams({
        'list-type': '2',
        'max-keys': String(TIER_LIST_OBJECTS),
        prefix: own + prefix,
      })
      if (after !== null) query.set('start-after', own + after)
      const response = await this.#ask({ method: 'GET', url: `${this.#bucket}?${query}` }, signal)
      if (!response.ok) throw await errorOf(what, response)
      const page = pageOf(what, await textOf(what, response))
      const objects = page.objects.map(({ key, bytes }) => {
        if (!key.startsWith(own + prefix) || key <= own + (after ?? '')) {
          throw new ObjectStoreError(`${what}: the server lists what it was not asked for`, false)
        }
        return { key: key.slice(own.length), bytes }
      })
      return { objects, next: page.truncated ? (objects.at(-1)?.key ?? null) : null }
    })
  }

  #urlOf(key: string): string {
    checkKey(key)
    return `${this.#bucket}/${this.#place.prefix}${key}`
  }

  async #ask({ method, url, body, range }: Asked, signal: AbortSignal): Promise<Response> {
    // Loaded when it is needed: most brokers have no S3 server.
    const { AwsV4Signer } = await import('aws4fetch')
    const { sessionToken, ...credentials } = this.#credentials
    const headers = { 'x-amz-content-sha256': await sha256(body ?? new Uint8Array(0)) }
    const signer = new AwsV4Signer({
      method,
      url,
      headers,
      ...credentials,
      ...(sessionToken === null ? {} : { sessionToken }),
      service: 's3',
      region: this.#place.region,
      cache: this.#keys,
    })
    const signed = await signer.sign()
    if (range !== undefined) signed.headers.set('range', rangeHeader(range))
    const content = body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }
    // Another server must not be sent what was signed for this one.
    const init = {
      method,
      headers: signed.headers,
      redirect: 'manual',
      signal,
      ...content,
    } as const
    return this.#send(new Request(signed.url, init))
  }
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
