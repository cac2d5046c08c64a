// A mutated message at the codec: it decodes or is malformed, and what decodes means the same when it is encoded
// and decoded again. Nothing else may come of it.

import { isDeepStrictEqual } from 'node:util'
import { MalformedMessage } from '../../../src/core/bytes.ts'
import { APIS } from '../../../src/protocol/apis.ts'
import {
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  isServed,
} from '../../../src/protocol/codec.ts'
import type { AnyApi } from '../../../src/protocol/schema.ts'
import type { Random } from '../../simulation/platform/random.ts'
import { mutate } from '../mutations.ts'
import { type SeedFrame, seedFrames } from '../seeds.ts'

/** Encoding again costs ten times the decoding. */
const AGAIN_ONE_IN = 8

const byKey = new Map(APIS.map((api) => [api.key, api]))

/** Makes a mutant of a recorded frame; bytes without a size. */
export function messageMutant(random: Random): {
  readonly seed: SeedFrame
  readonly bytes: Uint8Array
} {
  const seeds = seedFrames()
  const seed = random.pick(seeds)
  const donor = random.pick(seeds)
  return { seed, bytes: mutate(random, seed.bytes, seed.marks, donor.bytes) }
}

/** Plays one mutant. Throws what must not happen. */
export function fuzzMessage(random: Random): void {
  const { seed, bytes } = messageMutant(random)
  const again = random.next() % AGAIN_ONE_IN === 0
  if (seed.message === 'request') checkRequest(bytes, again)
  else checkResponse(seed.api, seed.version, bytes)
}

/** A request as a connection takes it: header, then the body that its key and version say. */
export function checkRequest(bytes: Uint8Array, again = true): boolean {
  const decoded = decodesRequest(bytes)
  if (decoded === null) return false
  if (again) checkAgain(decoded)
  return true
}

interface Decoded {
  readonly api: AnyApi
  readonly version: number
  readonly body: object
}

function decodesRequest(bytes: Uint8Array): Decoded | null {
  try {
    const header = decodeRequestHeader(bytes)
    const api = byKey.get(header.apiKey)
    if (api === undefined || !isServed(api, header.apiVersion)) return null
    const body = decodeRequest(api, header.apiVersion, header.reader)
    return { api, version: header.apiVersion, body }
  } catch (error) {
    if (error instanceof MalformedMessage) return null
    throw error
  }
}

function checkAgain({ api, version, body }: Decoded): void {
  let encoded: Uint8Array
  try {
    encoded = encodeRequest(api, version, { correlationId: 1, clientId: null }, body as never)
  } catch (error) {
    // Bytes that are no UTF-8 become three each, and a string may then be too long to be sent.
    if (error instanceof RangeError && error.message.includes('32,767')) return
    throw error
  }
  const second = decodesRequest(encoded.subarray(4))
  if (second === null) throw new Error(`${api.name} ${version} does not decode when encoded again`)
  if (!isDeepStrictEqual(second.body, body)) {
    throw new Error(`${api.name} ${version} is another message when encoded again`)
  }
}

/** An answer: a client's half of the codec. */
export function checkResponse(api: AnyApi, version: number, bytes: Uint8Array): boolean {
  try {
    decodeResponse(api, version, bytes)
    return true
  } catch (error) {
    if (error instanceof MalformedMessage) return false
    throw error
  }
}
