// The frames that are sent through a socket: mutants of recorded requests and of record batches, with their sizes. By seed
// and number, as all frames of the fuzzer. Not how they are sent (socket.ts).

import { encodeRequest } from '../../src/protocol/codec.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import type { Random } from '../simulation/platform/random.ts'
import { randomOf } from './campaign.ts'
import { mutate } from './mutations.ts'
import { type SeedFrame, seedFrames } from './seeds.ts'
import { batchMutant } from './targets/batches.ts'
import { checkRequest } from './targets/messages.ts'

/** Where mutated batches go. */
export const VICTIM = 'victim'

/** Shares: of what ends its connection, of produce requests with a mutated batch, of sizes that are none. */
const ENDING = 0.0005
const BATCHES = 0.1
const WRONG_SIZES = 0.0005

/**
 * Most mutants decode to nothing, and each that does took five: so many frames in a row come of one, with other
 * bytes here and there, which as a rule leave it a request.
 */
const ALIKE = 12
const CHANGES_MAX = 3
/** API key, version and correlation id: who changes these asks something else altogether. */
const HEADER_BYTES = 8

let requests: readonly SeedFrame[] | null = null

/** Frames by their numbers; keeps what those of one kin have in common, so ask for them in order. */
export class SocketFrames {
  readonly #seed: number
  #kin: { readonly at: number; readonly body: Uint8Array; readonly isBatch: boolean } = {
    at: -1,
    body: new Uint8Array(0),
    isBatch: false,
  }

  constructor(seed: number) {
    this.#seed = seed
  }

  /** A mutant with its size in front. */
  at(index: number): Uint8Array {
    const at = Math.floor(index / ALIKE)
    if (at !== this.#kin.at) {
      const random = randomOf(this.#seed, at * ALIKE)
      const isBatch = random.chance(BATCHES)
      this.#kin = { at, isBatch, body: isBatch ? produceOf(random) : requestOf(random) }
    }
    const random = randomOf(this.#seed, index)
    const { body, isBatch } = this.#kin
    // The checksum of a batch would refuse what is changed behind it.
    const isFirst = index % ALIKE === 0
    if (isFirst) return framed(random, body)
    return framed(random, isBatch ? produceOf(random) : changed(random, body))
  }
}

function framed(random: Random, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 + body.length)
  const size = random.chance(WRONG_SIZES)
    ? random.pick([-1, 0, 7, 0x7fff_ffff, body.length + 1, 0x4745_5420])
    : body.length
  new DataView(out.buffer).setInt32(0, size)
  out.set(body, 4)
  return out
}

/** Behind one that ends the connection no other would be looked at, so of those but a few are sent. */
function requestOf(random: Random): Uint8Array {
  requests ??= seedFrames().filter(({ message }) => message === 'request')
  for (;;) {
    const { bytes, marks } = random.pick(requests)
    const mutant = mutate(random, bytes, marks, random.pick(requests).bytes)
    if (mutant.length < HEADER_BYTES) continue
    if (checkRequest(mutant, false) || random.chance(ENDING)) return mutant
  }
}

function changed(random: Random, body: Uint8Array): Uint8Array {
  if (body.length <= HEADER_BYTES) return body
  const out = body.slice()
  for (let i = random.between(1, CHANGES_MAX); i > 0; i--) {
    out[random.between(HEADER_BYTES, out.length - 1)] = random.next()
  }
  return checkRequest(out, false) || random.chance(ENDING) ? out : body
}

/** A produce request, sound but for its batch. */
function produceOf(random: Random): Uint8Array {
  const header = { correlationId: random.next() | 0, clientId: 'fuzz' }
  const records = batchMutant(random)
  return encodeRequest(Produce, random.between(3, 12), header, {
    acks: random.pick([-1, 1, 0]),
    timeoutMs: 1_000,
    topicData: [{ name: VICTIM, partitionData: [{ index: 0, records }] }],
  }).subarray(4)
}
