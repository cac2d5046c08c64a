// What an S3 server answers that is no object: an error, or a page of a listing, both XML. Reads the few
// elements that are used; not an XML parser.

import { textOf } from './calls.ts'
import { ObjectStoreError, type StoredObject } from './object-store.ts'

/** An error that the server named. */
export class S3Error extends ObjectStoreError {
  /** Such as NoSuchKey; empty when the answer names none. */
  readonly code: string

  constructor(message: string, retriable: boolean, code: string) {
    super(message, retriable)
    this.code = code
  }
}

/** Answers with one of these, or with a status from 500 on, may be others later. */
const RETRIABLE_STATUS = new Set([408, 409, 425, 429])
const RETRIABLE_CODE = new Set(['RequestTimeout', 'SlowDown', 'ThrottlingException'])

const MESSAGE_CHARACTERS = 200

/** What the server says is wrong. Of its text, which may repeat parts of the request, two elements. */
export async function errorOf(what: string, response: Response): Promise<S3Error> {
  const { status } = response
  const text = await textOf(what, response)
  const code = plain(element(text, 'Code') ?? '')
  const message = plain(element(text, 'Message') ?? '')
  const reason = [`status ${status}`, code, message].filter((part) => part !== '').join(', ')
  const retriable = status >= 500 || RETRIABLE_STATUS.has(status) || RETRIABLE_CODE.has(code)
  return new S3Error(`${what}: ${reason}`, retriable, code)
}

/** A page of ListObjectsV2. */
export function pageOf(
  what: string,
  text: string,
): { readonly objects: readonly StoredObject[]; readonly truncated: boolean } {
  if (!text.includes('</ListBucketResult>')) {
    throw new ObjectStoreError(`${what}: the answer is no listing, or was cut`, true)
  }
  const objects = [...text.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g)].map(([, content]) => {
    const key = element(content ?? '', 'Key')
    const size = element(content ?? '', 'Size')
    if (key === null || size === null || !/^\d{1,15}$/.test(size)) {
      throw new ObjectStoreError(`${what}: the listing cannot be read`, false)
    }
    return { key: unescaped(key), bytes: Number(size) }
  })
  const truncated = element(text, 'IsTruncated') === 'true'
  if (truncated && objects.length === 0) {
    throw new ObjectStoreError(`${what}: the listing goes on and has nothing`, false)
  }
  return { objects, truncated }
}

/** The text of the first element of this name. */
function element(text: string, name: string): string | null {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? null
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
}

function unescaped(text: string): string {
  return text.replace(/&(?:#x([\da-f]{1,6})|#(\d{1,7})|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole
    const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole
  })
}

/** Short, and on one line. */
function plain(text: string): string {
  return unescaped(text)
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, MESSAGE_CHARACTERS)
}
