// Frames by their numbers: the seed and the number of a frame say all of it, so that one can be played again alone.

import { Random } from '../simulation/platform/random.ts'
import { checkNeighbour } from './neighbour.ts'
import { fuzzBatch } from './targets/batches.ts'
import { fuzzCodec } from './targets/codecs.ts'
import { fuzzMessage } from './targets/messages.ts'
import { fuzzStream } from './targets/streams.ts'

/** What a frame is given to. */
export const TARGETS = ['messages', 'streams', 'batches', 'codecs'] as const
export type Target = (typeof TARGETS)[number]

/** Of a hundred frames, where a run does not name one target. The first is by far the fastest. */
const SHARES: readonly (readonly [Target, number])[] = [
  ['messages', 76],
  ['streams', 10],
  ['batches', 6],
  ['codecs', 8],
]

const PLAY: Readonly<Record<Target, (random: Random) => void | Promise<void>>> = {
  messages: fuzzMessage,
  streams: fuzzStream,
  batches: fuzzBatch,
  codecs: fuzzCodec,
}

/** How often what all share is looked at. */
const NEIGHBOUR_EVERY = 20_000

/** A frame that did what must not happen. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure'
}

/** The source of chance of one frame. */
export function randomOf(seed: number, index: number): Random {
  return new Random((Math.imul(seed, 0x9e3779b1) + index) >>> 0)
}

/** Plays one frame. Throws FuzzFailure with the command that plays it again. */
export async function play(seed: number, index: number, only: Target | null): Promise<Target> {
  const random = randomOf(seed, index)
  const target = only ?? pickTarget(random)
  try {
    const playing = PLAY[target](random)
    if (playing !== undefined) await playing
    if (index % NEIGHBOUR_EVERY === 0) checkNeighbour()
    return target
  } catch (cause) {
    const again = `npm run fuzz -- --seed ${seed} --frame ${index}${only === null ? '' : ` --target ${only}`}`
    throw new FuzzFailure(`${target}: ${String(cause)}\nagain: ${again}`, { cause })
  }
}

function pickTarget(random: Random): Target {
  let left = random.next() % 100
  for (const [target, share] of SHARES) {
    left -= share
    if (left < 0) return target
  }
  return 'messages'
}
