// Reads request bodies in bounded memory: bytes are counted against the budget before they are kept,
// and a body nobody has memory for is not read. Knows no content types.

import type { BytePool, Reservation } from '../broker/budget.ts'
import type { BrokerContext, Timers } from '../broker/context.ts'
import { discard } from '../core/bytes.ts'
import { KafkaError } from '../core/errors.ts'
import {
  HTTP_BODY_BYTES,
  SMALL_BYTES,
  STALLED_BYTES_PER_MS,
  STALLED_CONNECTION_MS,
} from '../core/limits.ts'
import { textOf } from '../core/text.ts'
import { parseJson } from './json-text.ts'
import { badRequest, Problem } from './problem.ts'

/** A body of JSON is held as bytes and as text. */
export const JSON_FACTOR = 2

const CHUNK_BYTES = 64 * 1024

/** Beside what a connection takes anyway these are nothing. */
const TINY_BYTES = 4 * 1024

const BROKEN = 'the body ended early, or is not as its headers say'

/** A chunk, null at the end, or 'idle' when none came in time (it will be the next answer). */
export type Read = Uint8Array | null | 'idle'

/** A body that ended early, or whose chunks are not what they say: the client's doing. */
export class BrokenBody extends Error {
  override readonly name = 'BrokenBody'
}

/** Reads a body chunk by chunk. A chunk is valid until the next read: its buffer is used again. */
export class BodyReader {
  readonly #timers: Timers
  readonly #read: () => Promise<Uint8Array | null>
  readonly #cancel: () => Promise<void>
  #pending: Promise<Uint8Array | null> | null = null

  /** @param expected bytes of the body where its length was announced */
  constructor(
    body: ReadableStream<Uint8Array> | Source | null,
    timers: Timers,
    expected = CHUNK_BYTES,
  ) {
    const source = body === null ? nothing : 'read' in body ? body : open(body, expected)
    this.#timers = timers
    this.#read = () =>
      source.read().catch((cause: unknown) => {
        throw new BrokenBody(BROKEN, { cause })
      })
    this.#cancel = source.cancel
  }

  /** Of a short body of known length, which the runtime hands over whole for less than it does in chunks. */
  static ofWhole(request: Request, timers: Timers): BodyReader {
    return new BodyReader(whole(request), timers)
  }

  /** The next chunk; null at the end. Rejects with BrokenBody when the client went away in mid-body. */
  async next(): Promise<Uint8Array | null> {
    const reading = this.#pending ?? this.#read()
    this.#pending = null
    return reading
  }

  /** The next chunk if it comes within `ms`. */
  async within(ms: number): Promise<Read> {
    const reading = this.#pending ?? this.#read()
    this.#pending = reading
    let cancel = () => {}
    const idle = new Promise<'idle'>((resolve) => {
      cancel = this.#timers.after(ms, () => resolve('idle'))
    })
    try {
      const read = await Promise.race([reading, idle])
      if (read !== 'idle') this.#pending = null
      return read
    } finally {
      cancel()
    }
  }

  /** Reads no further. */
  async cancel(): Promise<void> {
    await this.#cancel().catch(() => {})
  }
}

interface Source {
  read(): Promise<Uint8Array | null>
  cancel(): Promise<void>
}

const nothing: Source = { read: async () => null, cancel: async () => {} }

/** It cannot be cancelled: what still comes is thrown away with the request. */
function whole(request: Request): Source {
  let isRead = false
  return {
    async read() {
      if (isRead) return null
      isRead = true
      return new Uint8Array(await request.arrayBuffer())
    },
    cancel: async () => {},
  }
}

/** The default reader hands out 4 KiB at a time; a stream that is not of bytes has no other. */
function open(body: ReadableStream<Uint8Array>, expected: number): Source {
  let reader: ReadableStreamBYOBReader
  try {
    reader = body.getReader({ mode: 'byob' })
  } catch {
    const plain = body.getReader()
    return {
      read: async () => (await plain.read()).value ?? null,
      cancel: () => plain.cancel(),
    }
  }
  let buffer = new ArrayBuffer(Math.max(1, Math.min(expected, CHUNK_BYTES)))
  return {
    async read() {
      const { value, done } = await reader.read(new Uint8Array(buffer))
      if (value === undefined || done) return null
      buffer = value.buffer
      return value
    },
    cancel: () => reader.cancel(),
  }
}

/** A whole body and the memory it holds. */
export interface HeldBody {
  /** The bytes, once: what they become must not be held beside them. */
  take(): Uint8Array
  readonly memory: Reservation
}

/**
 * Reads a body of at most HTTP_BODY_BYTES. What it becomes (text, records, batches) is counted as
 * `factor` times its bytes.
 */
export async function readBody(
  request: Request,
  context: BrokerContext,
  factor: number,
): Promise<HeldBody | Problem> {
  const announced = announcedBytes(request)
  if (announced !== null && announced > HTTP_BODY_BYTES) return tooLarge()
  if (announced !== null && announced <= TINY_BYTES) {
    return readTiny(request, context, announced * factor)
  }
  const isShort = announced !== null && announced <= CHUNK_BYTES
  const reader = isShort
    ? BodyReader.ofWhole(request, context.timers)
    : new BodyReader(request.body, context.timers, announced ?? CHUNK_BYTES)
  const memory = new BodyMemory(context, factor)
  try {
    await memory.hold(announced ?? SMALL_BYTES)
    const bytes = new GrowingBytes(announced ?? CHUNK_BYTES)
    for (;;) {
      const chunk = await readOn(reader, memory)
      if (chunk === null) return { take: () => bytes.take(), memory: memory.handOver() }
      if (chunk instanceof Problem) return chunk
      const size = bytes.length + chunk.length
      if (size > HTTP_BODY_BYTES) return tooLarge()
      // Never hold one pool and wait for the other: two such requests would wait for each other.
      if (size > memory.bodyBytes) await memory.hold(HTTP_BODY_BYTES)
      bytes.push(chunk)
      // Nothing follows: another read would only say so.
      if (size === announced) return { take: () => bytes.take(), memory: memory.handOver() }
    }
  } finally {
    memory.release()
  }
}

/**
 * A body that is held only when it is there: while it comes it takes no more than the buffer of its connection's
 * headers, so that nobody waits for what a client that stands still keeps, and no timer has to watch it.
 */
async function readTiny(
  request: Request,
  { budget, timers }: BrokerContext,
  heldBytes: number,
): Promise<HeldBody | Problem> {
  const bytes = await request.arrayBuffer().catch((cause: unknown) => {
    throw new BrokenBody(BROKEN, { cause })
  })
  const pool = budget.smallFrames
  const memory =
    pool.tryReserve(heldBytes) ?? (await pool.reserve(heldBytes, (ms) => timers.sleep(ms)))
  if (memory === null) throw new Error('nobody gave up its turn')
  return { take: () => new Uint8Array(bytes), memory }
}

function announcedBytes(request: Request): number | null {
  const header = request.headers.get('content-length')
  return header !== null && /^\d+$/.test(header) ? Number(header) : null
}

/** What a body being read holds, of one pool at a time. */
class BodyMemory {
  readonly #context: BrokerContext
  readonly #factor: number
  #pool: BytePool | null = null
  #held: Reservation | null = null
  #heldSinceMs = 0
  /** Body bytes that what is held is for. */
  bodyBytes = 0

  constructor(context: BrokerContext, factor: number) {
    this.#context = context
    this.#factor = factor
  }

  async hold(bodyBytes: number): Promise<void> {
    const { budget, timers } = this.#context
    this.release()
    this.#pool = bodyBytes > SMALL_BYTES ? budget.largeFrames : budget.smallFrames
    this.#held = await this.#pool.reserve(bodyBytes * this.#factor, (ms) => timers.sleep(ms))
    this.#heldSinceMs = timers.now()
    this.bodyBytes = bodyBytes
  }

  /** True when others wait for what is held and the body does not come at a fair rate. */
  get isUnfair(): boolean {
    const fairMs = STALLED_CONNECTION_MS + this.bodyBytes / STALLED_BYTES_PER_MS
    const isLate = this.#context.timers.now() > this.#heldSinceMs + fairMs
    return isLate && this.contended
  }

  get contended(): boolean {
    return this.#pool?.contended ?? false
  }

  release(): void {
    this.#held?.release()
    this.#held = null
  }

  /** From here on the caller releases it. */
  handOver(): Reservation {
    const held = this.#held
    if (held === null) throw new Error('nothing is held')
    this.#held = null
    return held
  }
}

/** The next chunk; 408 when the client stands still, or crawls, while others wait for its memory. */
async function readOn(
  reader: BodyReader,
  memory: BodyMemory,
): Promise<Uint8Array | null | Problem> {
  for (;;) {
    const read = await reader.within(STALLED_CONNECTION_MS)
    if (memory.isUnfair || (read === 'idle' && memory.contended)) {
      await reader.cancel()
      return stalled()
    }
    if (read !== 'idle') return read
  }
}

/** Bytes that come in chunks, in one buffer that doubles when it must. */
class GrowingBytes {
  #buffer: Uint8Array
  length = 0

  constructor(expected: number) {
    this.#buffer = new Uint8Array(expected)
  }

  push(chunk: Uint8Array): void {
    const length = this.length + chunk.length
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.length))
      larger.set(this.#buffer.subarray(0, this.length))
      this.#buffer = larger
    }
    this.#buffer.set(chunk, this.length)
    this.length = length
  }

  /** What came, not kept any longer. */
  take(): Uint8Array {
    const filled = this.#buffer.subarray(0, this.length)
    this.#buffer = new Uint8Array(0)
    return filled
  }
}

/** The text of a whole body, whose bytes are then gone. */
export function textOfBody(bytes: Uint8Array): string | Problem {
  const text = textOf(bytes)
  discard(bytes)
  return text ?? badRequest('', 'the body is not UTF-8')
}

/** The JSON of a small body. Its type is not looked at: there is nothing else it could be. */
export async function readJson(
  request: Request,
  context: BrokerContext,
): Promise<{ readonly value: unknown } | Problem> {
  const body = await readBody(request, context, JSON_FACTOR)
  if (body instanceof Problem) return body
  body.memory.release()
  const text = textOfBody(body.take())
  return text instanceof Problem ? text : parseJson(text)
}

/** The body does not come and others wait for its memory. */
export function stalled(): Problem {
  const detail = 'the body came too slowly while others waited for the memory it holds'
  return new Problem(KafkaError.REQUEST_TIMED_OUT, { status: 408, detail })
}

/** A body, or one line of NDJSON, over HTTP_BODY_BYTES. */
export function tooLarge(what = 'the body'): Problem {
  const detail = `${what} is larger than ${HTTP_BODY_BYTES} bytes`
  return new Problem(KafkaError.MESSAGE_TOO_LARGE, { detail })
}
