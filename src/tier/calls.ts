// One call to an object store: its time, its failures as ObjectStoreErrors, and answers of HTTP read in
// bounded memory. What the stores share; not what any of them says.

import { concatBytes } from '../core/bytes.ts'
import { TIER_ANSWER_BYTES, TIER_CALL_MS, TIER_OBJECT_MAX_BYTES } from '../core/limits/tier.ts'
import { ObjectStoreError } from './object-store.ts'

/** A part of an object, in bytes. */
export interface ByteRange {
  readonly offset: number
  readonly length: number
}

/** Sends one request: the runtime's own `fetch`, or a service's. */
export type Send = (request: Request) => Promise<Response>

/** Keys are paths that every store takes, and that mean the same escaped or not. */
const KEY = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/
const KEY_CHARACTERS = 512

/** @throws ObjectStoreError unless it is a key that every store takes: the caller's bug */
export function checkKey(key: string): void {
  if (key.length <= KEY_CHARACTERS && KEY.test(key)) return
  throw new ObjectStoreError(`not a key: ${key.slice(0, KEY_CHARACTERS)}`, false)
}

/** @throws ObjectStoreError when the body is larger than an object may be: the caller's bug */
export function checkBody(key: string, body: Uint8Array): void {
  if (body.length <= TIER_OBJECT_MAX_BYTES) return
  throw new ObjectStoreError(`${key}: ${body.length} bytes are more than an object may have`, false)
}

/** @throws ObjectStoreError when it is no range of an object: the caller's bug */
export function checkByteRange(key: string, range: ByteRange | undefined): void {
  if (range === undefined) return
  const { offset, length } = range
  const isRange = Number.isSafeInteger(offset) && Number.isSafeInteger(length)
  if (isRange && offset >= 0 && length > 0 && length <= TIER_OBJECT_MAX_BYTES) return
  throw new ObjectStoreError(`${key}: ${offset}+${length} is no range`, false)
}

/**
 * Does one thing within the time of a call, and fails with an ObjectStoreError only.
 * @param what names the call in its error
 * @param retriable whether an error of another kind is; those of a network are
 */
export async function call<T>(
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
  retriable: (error: unknown) => boolean = () => true,
): Promise<T> {
  const aborter = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new ObjectStoreError(`${what}: no answer within ${TIER_CALL_MS} ms`, true))
      aborter.abort()
    }, TIER_CALL_MS)
  })
  try {
    return await Promise.race([work(aborter.signal), late])
  } catch (error) {
    if (error instanceof ObjectStoreError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new ObjectStoreError(`${what}: ${reason}`, retriable(error), error)
  } finally {
    if (timer !== undefined) clearTimeout(timer)
  }
}

/** `Range` of a request, as HTTP has it. */
export function rangeHeader({ offset, length }: ByteRange): string {
  return `bytes=${offset}-${offset + length - 1}`
}

/**
 * The object, or the part of it, that an answer carries. An answer of another length than was asked for is an
 * error: the object is shorter than it should be, or the answer was cut.
 */
export async function objectOf(
  what: string,
  response: Response,
  range: ByteRange | undefined,
): Promise<Uint8Array> {
  const { status } = response
  const announced = announcedBytes(response)
  // Who is asked for all bytes by a range may answer as if for the whole.
  const isWhole = status === 200 && (range === undefined || range.offset === 0)
  if (!isWhole && !(status === 206 && range !== undefined)) {
    await dismiss(response)
    const asked = range === undefined ? 'an object' : `bytes ${range.offset}+${range.length}`
    throw new ObjectStoreError(`${what}: asked for ${asked}, got status ${status}`, false)
  }
  if (range !== undefined && announced !== null && announced !== range.length) {
    await dismiss(response)
    throw new ObjectStoreError(
      `${what}: ${range.length} bytes asked for, ${announced} there`,
      false,
    )
  }
  const bytes = await bodyOf(what, response, range?.length ?? TIER_OBJECT_MAX_BYTES)
  if (range === undefined || bytes.length === range.length) return bytes
  throw new ObjectStoreError(`${what}: ${range.length} bytes asked for, ${bytes.length} came`, true)
}

/** The text of an answer that is no object. */
export async function textOf(what: string, response: Response): Promise<string> {
  return new TextDecoder().decode(await bodyOf(what, response, TIER_ANSWER_BYTES))
}

/** Reads a body of at most `max` bytes. */
async function bodyOf(what: string, response: Response, max: number): Promise<Uint8Array> {
  const announced = announcedBytes(response)
  if (announced !== null && announced > max) {
    await dismiss(response)
    throw new ObjectStoreError(`${what}: an answer of ${announced} bytes, over ${max}`, false)
  }
  if (response.body === null) return new Uint8Array(0)
  const bytes =
    announced === null
      ? await readPieces(response.body, max)
      : await readAnnounced(response.body, announced)
  if (bytes === null) throw new ObjectStoreError(`${what}: an answer of over ${max} bytes`, false)
  if (announced === null || bytes.length === announced) return bytes
  throw new ObjectStoreError(`${what}: ${bytes.length} of ${announced} bytes came`, true)
}

/** Into one buffer; what ends early is shorter. */
async function readAnnounced(
  body: ReadableStream<Uint8Array>,
  length: number,
): Promise<Uint8Array> {
  // The default reader hands out 4 KiB at a time.
  const reader = body.getReader({ mode: 'byob' })
  let buffer = new ArrayBuffer(length)
  let at = 0
  while (at < length) {
    const { value, done } = await reader.read(new Uint8Array(buffer, at, length - at))
    if (value === undefined) return new Uint8Array(0)
    buffer = value.buffer
    if (done) return new Uint8Array(buffer, 0, at)
    at += value.length
  }
  await reader.cancel()
  return new Uint8Array(buffer)
}

/** null when there is more than `max`. */
async function readPieces(
  body: ReadableStream<Uint8Array>,
  max: number,
): Promise<Uint8Array | null> {
  const reader = body.getReader()
  const pieces: Uint8Array[] = []
  for (let length = 0; ; ) {
    const { value, done } = await reader.read()
    if (done) return concatBytes(pieces)
    length += value.length
    if (length > max) {
      await reader.cancel()
      return null
    }
    pieces.push(value)
  }
}

function announcedBytes(response: Response): number | null {
  const header = response.headers.get('content-length')
  return header !== null && /^\d{1,15}$/.test(header) ? Number(header) : null
}

/** Lets go of a body that nobody reads. */
export async function dismiss(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {})
}
