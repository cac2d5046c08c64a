// A reader of one partition: polls, keeps its position, and drops what a read_committed consumer drops,
// by the aborted transactions it is told of and the markers it meets (KIP-98). Records what it saw.

import { KafkaError } from '../../../src/core/errors.ts'
import { offset, type TopicId } from '../../../src/core/ids.ts'
import type { ReadReply } from '../../../src/partition/contract.ts'
import { readControlRecord } from '../../../src/record/control.ts'
import { readBatchHeader } from '../../../src/record/header.ts'
import { recordsOf } from '../../../src/record/records.ts'
import { batchesInPieces } from '../../../src/record/stored.ts'
import type { Context } from '../platform/scheduler.ts'
import type { World } from '../world.ts'
import { Connection } from './broker.ts'
import type { ReaderRecord } from './history.ts'

const utf8 = new TextDecoder()

/** What a client makes of one reply: the records it hands on, and where it reads next. */
export function consumed(
  reply: ReadReply,
  from: number,
  readCommitted: boolean,
): { readonly seen: ReaderRecord['seen']; readonly next: number } {
  const seen: { token: string; offset: number }[] = []
  const aborted = [...reply.abortedTransactions]
  const open = new Set<number>()
  let next = from
  for (const batch of batchesInPieces(reply.pieces)) {
    const header = readBatchHeader(batch)
    const { producerId, baseOffset, lastOffsetDelta, control, transactional } = header
    const end = baseOffset + lastOffsetDelta
    while (aborted[0] !== undefined && aborted[0].firstOffset <= end) {
      open.add(aborted[0].producerId)
      aborted.shift()
    }
    if (control) {
      const record = recordsOf(batch).next().value
      const marker = record === undefined ? null : readControlRecord(record)
      if (marker?.kind === 'abort') open.delete(producerId)
    } else if (!readCommitted || !transactional || !open.has(producerId)) {
      for (const record of recordsOf(batch)) {
        if (record.offset < from) continue
        seen.push({ token: utf8.decode(record.value ?? undefined), offset: record.offset })
      }
    }
    next = Math.max(next, end + 1)
  }
  return { seen, next }
}

export interface ReaderOptions {
  readonly world: World
  readonly record: ReaderRecord
  readonly topicId: TopicId
}

/** Reads until its process ends. */
export async function read(
  { world, record, topicId }: ReaderOptions,
  context: Context,
): Promise<void> {
  const connection = new Connection(world, context)
  const { partition, readCommitted } = record
  let next = 0
  for (;;) {
    const reply = await connection.ask((objects) =>
      objects.partition(topicId, partition).read({
        topicId,
        partition,
        offset: offset(next),
        maxBytes: world.random.pick([1, 300, 5_000, 1_000_000]),
        atLeastOneBatch: true,
        readCommitted,
      }),
    )
    if (reply?.error === KafkaError.OFFSET_OUT_OF_RANGE) {
      world.violated('readers-are-in-range', `${record.name} at ${next}`)
    }
    const got = reply?.error === KafkaError.NONE ? consumed(reply, next, readCommitted) : null
    if (got !== null) {
      record.seen.push(...got.seen)
      next = got.next
    }
    const isBehind = got !== null && got.seen.length > 0
    await world.sleep(
      isBehind
        ? world.random.between(0, 50)
        : world.random.between(200, world.isHealed ? 9_000 : 2_500),
    )
  }
}
