// Fetches at the head of a busy partition whose commits take 5 and 20 ms, as deployed ones do: the leader on
// its own, in memory, with a disk that confirms so late. That none waits for more than the commits before
// it is asserted in test/partition/commit-delay.test.ts; here is how long that takes.

import { setTimeout as sleep } from 'node:timers/promises'
import { offset } from '../../../src/core/ids.ts'
import type { PartitionLeader } from '../../../src/partition/leader.ts'
import type { Identity } from '../../../src/partition/stored.ts'
import { buildBatch } from '../../../src/record/build.ts'
import { lastOffsetAt } from '../../../src/record/header.ts'
import { batchesInPieces } from '../../../src/record/stored.ts'
import type { Figure } from '../rounds.ts'
import { latencyText, quantile } from './quantile.ts'
import { DatabaseStorage, storeEmpty, twinOf } from './twin.ts'

const COMMIT_MS = [5, 20]
const LASTING_MS = { quick: 4_000, full: 10_000 }
const PRODUCERS = 8
const CONSUMERS = 4
/** A producer sends its next batch so long after the one before was acknowledged. */
const PRODUCER_PAUSE_MS = 1
const READ_BYTES = 1024 * 1024

/** p99 of a fetch, in commits; one of each delay. */
export async function commitDelayFigures(quick: boolean): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const commitMs of COMMIT_MS) {
    figures.push(await delayed(commitMs, LASTING_MS[quick ? 'quick' : 'full']))
  }
  return figures
}

async function delayed(commitMs: number, lastingMs: number): Promise<Figure> {
  const storage = new DatabaseStorage(':memory:')
  const identity = storeEmpty(storage)
  const leader = twinOf({ storage, identity, commitMs, tailBytes: 8 * 1024 * 1024 })
  const endMs = performance.now() + lastingMs
  const head: number[] = []
  const behind: number[] = []
  let appends = 0
  const producing = Array.from({ length: PRODUCERS }, async () => {
    while (performance.now() < endMs) {
      await append(leader, identity)
      appends++
      await sleep(PRODUCER_PAUSE_MS)
    }
  })
  const consuming = Array.from({ length: CONSUMERS }, async () => {
    let next = 0
    while (performance.now() < endMs) {
      const fetched = await fetchFrom(leader, identity, next)
      next = fetched.next
      ;(fetched.waited ? head : behind).push(fetched.ms)
    }
  })
  await Promise.all([...producing, ...consuming])
  storage.close()
  return {
    name: `fetch at the head, commits of ${commitMs} ms, p99 / commit`,
    values: [quantile(head, 0.99) / commitMs],
    goal: null,
    detail:
      `waiting for a record: ${latencyText(head)} (${head.length}); for what is there: ` +
      `${behind.length === 0 ? 'none' : latencyText(behind)} (${behind.length}); ` +
      `${appends} appends by ${PRODUCERS} producers`,
  }
}

async function append(leader: PartitionLeader, identity: Identity): Promise<void> {
  const records = [{ timestamp: Date.now(), key: null, value: Buffer.alloc(1_000, 'x') }]
  const batch = buildBatch({ records })
  const reply = await leader.append({ ...identity, configVersion: Number.MAX_SAFE_INTEGER, batch })
  if (reply.kind !== 'appended') throw new Error(`not appended: ${JSON.stringify(reply)}`)
}

/** What a long poll does: reads, and if there is nothing waits for news and reads again. */
async function fetchFrom(leader: PartitionLeader, identity: Identity, from: number) {
  const startMs = performance.now()
  for (let waited = false; ; waited = true) {
    const { error, pieces, highWatermark } = await leader.read({
      ...identity,
      offset: offset(from),
      maxBytes: READ_BYTES,
      atLeastOneBatch: true,
      readCommitted: false,
    })
    if (error !== 0) throw new Error(`read at ${from}: error ${error}`)
    const last = [...batchesInPieces(pieces)].at(-1)
    if (last !== undefined) {
      return { waited, ms: performance.now() - startMs, next: lastOffsetAt(last, 0) + 1 }
    }
    await leader.watch(identity, highWatermark, 10_000)
  }
}
