// The leader as the fan-out's source: what each isolation level may see, and when following must end.

import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import { offset } from '../../src/core/ids.ts'
import { EVENTS_PACE_MS } from '../../src/core/limits.ts'
import { publishedPieces, type SharedPieces } from '../../src/partition/fanout-pieces.ts'
import { Bench, batch, batchOfSize, settled, TARGET } from './harness.ts'

const NOW = { timestamps: [1_000_000, 1_000_000, 1_000_000] }

async function follow(bench: Bench, next: number, readCommitted: boolean) {
  const request = { ...TARGET, offset: offset(next), readCommitted, isolate: 'here' }
  const reply = await bench.leader.follow(request)
  return { ...reply, pieces: reply.shared === undefined ? null : publishedPieces(reply.shared)! }
}

/** Offsets of the events from `next` on, and where reading goes on. */
function taken(pieces: SharedPieces | null, next: number): readonly [number[], number] | string {
  const found = pieces?.take(next) ?? null
  if (found === null) return 'nothing'
  if (found === 'behind') return found
  const text = found.parts.map((part) => new TextDecoder().decode(part)).join('')
  return [[...text.matchAll(/"offset":(\d+)/g)].map(([, at]) => Number(at)), found.next]
}

async function transaction(bench: Bench, producerId: number) {
  const options = { producerId, producerEpoch: 0, baseSequence: 0, transactional: true, ...NOW }
  const told = { transactionalId: 't', topic: 'topic', implicit: false }
  await bench.append(batch(2, options), 1, told)
  await settled()
}

async function end(bench: Bench, producerId: number, committed: boolean) {
  const epochs = { producerEpoch: 0, coordinatorEpoch: 0 }
  await bench.leader.endTransaction({ ...TARGET, ...epochs, producerId, number: 1, committed })
  await settled()
}

describe('the leader of a partition that is followed', () => {
  it('shares committed records, once they are, and never aborted ones', async () => {
    const bench = new Bench()
    await bench.appended(batch(1, NOW))
    const committed = await follow(bench, 1, true)
    const all = await follow(bench, 1, false)
    await transaction(bench, 1)
    await transaction(bench, 2)
    await bench.appended(batch(1, NOW))
    await bench.pass(EVENTS_PACE_MS)
    expect(taken(all.pieces, 1)).toEqual([[1, 2, 3, 4, 5], 6])
    expect(taken(committed.pieces, 1)).toBe('nothing')
    await end(bench, 2, false)
    await end(bench, 1, true)
    await bench.pass(EVENTS_PACE_MS)
    expect(taken(committed.pieces, 1)).toEqual([[1, 2, 5], 8])
    expect(taken(all.pieces, 6)).toEqual([[], 8])
  })

  it('shares nothing that is not confirmed on disk', async () => {
    const bench = new Bench()
    await bench.appended(batch(1, NOW))
    const { pieces } = await follow(bench, 1, false)
    bench.holdSync = true
    const waiting = bench.append(batch(1, NOW))
    await bench.pass(EVENTS_PACE_MS)
    expect(taken(pieces, 1)).toBe('nothing')
    await bench.confirm()
    await waiting
    await bench.pass(EVENTS_PACE_MS)
    expect(taken(pieces, 1)).toEqual([[1], 2])
  })

  it('ends it when the topic is deleted, and says so to who asks', async () => {
    const bench = new Bench()
    await bench.appended(batch(1, NOW))
    const { pieces } = await follow(bench, 0, false)
    await bench.leader.fence(TARGET)
    expect(pieces?.open).toBe(false)
    expect(await follow(bench, 0, false)).toMatchObject({
      error: KafkaError.UNKNOWN_TOPIC_ID,
      pieces: null,
    })
  })

  it('ends it when a commit is lost', async () => {
    const bench = new Bench()
    await bench.appended(batch(1, NOW))
    const { pieces } = await follow(bench, 1, false)
    bench.holdSync = true
    const waiting = bench.append(batch(1, NOW))
    await settled()
    await bench.loseCommit()
    await waiting
    expect(pieces?.open).toBe(false)
    expect(taken(pieces, 1)).toBe('nothing')
  })

  it('does not share a batch larger than a row', async () => {
    const bench = new Bench()
    await bench.appended(batch(1, NOW))
    const { pieces } = await follow(bench, 1, false)
    await bench.appended(batchOfSize(2_500_000))
    await bench.pass(EVENTS_PACE_MS)
    expect(pieces?.open).toBe(false)
  })

  it('of which nothing is stored cannot be followed', async () => {
    expect(await follow(new Bench(), 0, false)).toEqual({ error: KafkaError.NONE, pieces: null })
  })
})
