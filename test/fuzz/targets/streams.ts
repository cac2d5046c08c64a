// Frames, some of them mutated, cut into pieces at random and given to a connection whose handlers answer at once:
// what comes before the first bad frame is answered in order, and then the connection ends and holds no memory.

import type { ApiTable } from '../../../src/broker/api-table.ts'
import { memoryBudget } from '../../../src/broker/budget.ts'
import { Connection } from '../../../src/broker/connection.ts'
import { CloseConnection } from '../../../src/broker/context.ts'
import { concatBytes, MalformedMessage } from '../../../src/core/bytes.ts'
import { APIS } from '../../../src/protocol/apis.ts'
import { fakeContext } from '../../broker/fakes.ts'
import type { Random } from '../../simulation/platform/random.ts'
import { seedFrames } from '../seeds.ts'
import { checkRequest, messageMutant } from './messages.ts'

const REQUEST_MAX = 64 * 1024
const FRAMES_MAX = 6

const table: ApiTable = new Map(
  APIS.map((api) => [api.key, { api, handle: { kind: 'ordered', run: async () => ({}) } }]),
)
const requests = () => seedFrames().filter(({ message }) => message === 'request')
let valid: ReturnType<typeof requests> | null = null

interface Piece {
  readonly bytes: Uint8Array
  /** What a connection answers; null when it must end here. */
  readonly correlationId: number | null
}

function framed(body: Uint8Array, size = body.length): Uint8Array {
  const out = new Uint8Array(4 + body.length)
  new DataView(out.buffer).setInt32(0, size)
  out.set(body, 4)
  return out
}

function nextPiece(random: Random, index: number): Piece {
  valid ??= requests()
  const kind = random.between(0, 9)
  if (kind === 0) {
    // A size that no frame has.
    const size = random.pick([-1, 0, 1, 7, REQUEST_MAX + 1, 0x7fff_ffff, -0x8000_0000, 0x4745_5420])
    return { bytes: framed(new Uint8Array(random.between(0, 20)), size), correlationId: null }
  }
  const body = kind < 4 ? mutantRequest(random) : random.pick(valid).bytes.slice()
  if (body.length >= 8) new DataView(body.buffer).setInt32(4, index)
  const answered = body.length >= 8 && body.length <= REQUEST_MAX && isAnswered(body)
  return { bytes: framed(body), correlationId: answered ? index : null }
}

function mutantRequest(random: Random): Uint8Array {
  for (;;) {
    const { seed, bytes } = messageMutant(random)
    if (seed.message === 'request') return bytes.slice()
  }
}

const API_VERSIONS = 18

/** ApiVersions of a version that nobody has is answered as well. */
function isAnswered(body: Uint8Array): boolean {
  if (checkRequest(body, false)) return true
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  if (view.getInt16(0) !== API_VERSIONS) return false
  const version = view.getInt16(2)
  const api = table.get(API_VERSIONS)?.api
  return api !== undefined && (version < api.versions[0] || version > api.versions[1])
    ? hasHeader(body)
    : false
}

/** Whether the client id is as long as it says. */
function hasHeader(body: Uint8Array): boolean {
  if (body.length < 10) return false
  const length = new DataView(body.buffer, body.byteOffset).getInt16(8)
  return length >= -1 && 10 + Math.max(0, length) <= body.length
}

/** Plays one stream. Throws what must not happen. */
export async function fuzzStream(random: Random): Promise<void> {
  const pieces = Array.from({ length: random.between(1, FRAMES_MAX) }, (_, i) =>
    nextPiece(random, i),
  )
  const bad = pieces.findIndex(({ correlationId }) => correlationId === null)
  const expected = pieces.slice(0, bad < 0 ? pieces.length : bad).map((p) => p.correlationId ?? -1)
  const budget = memoryBudget()
  const context = fakeContext({ context: { budget } })
  const connection = new Connection(table, context, REQUEST_MAX)
  const failure = await receiveAll(random, connection, concatBytes(pieces.map((p) => p.bytes)))
  const answered = await answers(connection, failure)
  connection.close()
  if (bad < 0 && failure !== null) throw failure
  if (answered.join() !== expected.join()) {
    throw new Error(`answered ${answered.join()}, expected ${expected.join()}`)
  }
  const { turns: _, ...pools } = budget
  for (const [name, pool] of Object.entries(pools)) {
    if (pool.used !== 0) throw new Error(`${name} holds ${pool.used} bytes of a closed connection`)
  }
}

async function receiveAll(
  random: Random,
  connection: Connection,
  stream: Uint8Array,
): Promise<Error | null> {
  try {
    for (let at = 0; at < stream.length; ) {
      const size = random.chance(0.5) ? random.between(1, 16) : random.between(1, 40_000)
      // A copy: what a connection was given is used again when it has taken it.
      await connection.receive(stream.slice(at, at + size))
      at += size
    }
    connection.finish()
    return null
  } catch (error) {
    if (!(error instanceof CloseConnection) && !(error instanceof MalformedMessage)) throw error
    connection.fail(error)
    return error
  }
}

/** Correlation ids in the order of their answers, up to the connection's end. */
async function answers(connection: Connection, failure: Error | null): Promise<number[]> {
  const ids: number[] = []
  try {
    for (let out = await connection.outgoing(); out !== null; out = await connection.outgoing()) {
      const bytes = concatBytes(out.pieces)
      const view = new DataView(bytes.buffer)
      for (let at = 0; at < bytes.length; at += 4 + view.getInt32(at))
        ids.push(view.getInt32(at + 4))
      out.sent()
    }
  } catch (error) {
    if (error !== failure) throw error
  }
  return ids
}
