// A few seconds of what `npm run fuzz` does for as long as it is told to: the same frames each time, by their seed.

import { describe, expect, it } from 'vitest'
import { play, randomOf, type Target } from './campaign.ts'
import corpus from './corpus.json' with { type: 'json' }
import { mutate } from './mutations.ts'
import { checkNeighbour } from './neighbour.ts'
import { seedFrames } from './seeds.ts'
import { checkBatch } from './targets/batches.ts'
import { checkCompressed } from './targets/codecs.ts'
import { checkRequest } from './targets/messages.ts'

const SEED = 1

const COUNTS: Readonly<Record<Target, number>> = {
  messages: 20_000,
  streams: 3_000,
  batches: 1_500,
  codecs: 4_000,
}

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'))

describe('mutated frames', () => {
  it.each(Object.entries(COUNTS) as [Target, number][])(
    '%s: %i of them do no harm',
    async (target, count) => {
      // Refusals are exceptions, and their stacks half of the time.
      const limit = Error.stackTraceLimit
      Error.stackTraceLimit = 0
      try {
        for (let index = 1; index <= count; index++) await play(SEED, index, target)
      } finally {
        Error.stackTraceLimit = limit
      }
      checkNeighbour()
    },
    60_000,
  )

  it('are the same for the same seed and number', () => {
    const { bytes, marks } = seedFrames()[0]!
    const mutant = (index: number) => mutate(randomOf(SEED, index), bytes, marks, bytes)
    expect(mutant(7)).toEqual(mutant(7))
    expect(Array.from({ length: 20 }, (_, index) => mutant(index).join())).not.toEqual(
      Array.from({ length: 20 }, (_, index) => mutant(index + 20).join()),
    )
  })

  it('are mostly refused and now and then another message, or nothing would be tried', () => {
    let decoded = 0
    for (let index = 0; index < 2_000; index++) {
      const random = randomOf(SEED, index)
      const seed = random.pick(seedFrames().filter(({ message }) => message === 'request'))
      if (checkRequest(mutate(random, seed.bytes, seed.marks, seed.bytes), false)) decoded++
    }
    expect(decoded).toBeGreaterThan(200)
    expect(decoded).toBeLessThan(1_800)
  })
})

describe('what fuzzing has found', () => {
  it.each(corpus.requests)('request: $what', ({ base64 }) => {
    checkRequest(bytesOf(base64))
  })

  it.each(corpus.batches)('batch: $what', ({ base64 }) => {
    checkBatch(bytesOf(base64))
  })

  it.each(corpus.compressed)('compressed: $what', ({ codec, base64, bound }) => {
    checkCompressed(codec as 1 | 2 | 3 | 4, bytesOf(base64), bound)
  })
})
