// Reads a world at rest as a client would: every log to its end, every transaction, every position.

import type { GroupTopic } from '../../../src/cluster/contract.ts'
import { offset } from '../../../src/core/ids.ts'
import { readControlRecord } from '../../../src/record/control.ts'
import { readBatchHeader } from '../../../src/record/header.ts'
import { recordsOf } from '../../../src/record/records.ts'
import { batchesInPieces } from '../../../src/record/stored.ts'
import type { Objects } from '../../../src/runtime/objects.ts'
import type { TransactionDescription } from '../../../src/transaction/contract.ts'
import { consumed } from '../actors/reader.ts'
import type { FinalPartition, LogEntry } from '../invariants/invariant.ts'
import type { World } from '../world.ts'

const utf8 = new TextDecoder()

/** One partition with all that is in it. */
export async function finalPartition(
  objects: Objects,
  topic: GroupTopic,
  partition: number,
): Promise<FinalPartition> {
  const target = { topicId: topic.id, partition }
  const leader = objects.partition(topic.id, partition)
  const log: LogEntry[] = []
  const committed: { token: string; offset: number }[] = []
  for (const readCommitted of [false, true]) {
    for (let next = 0; ; ) {
      const limits = { maxBytes: 1_000_000, atLeastOneBatch: true, readCommitted }
      const reply = await leader.read({ ...target, offset: offset(next), ...limits })
      const got = consumed(reply, next, readCommitted)
      if (readCommitted) committed.push(...got.seen)
      else log.push(...entriesOf(reply.pieces))
      if (got.next === next) break
      next = got.next
    }
  }
  const limits = { maxBytes: 1, atLeastOneBatch: false, readCommitted: true }
  const { highWatermark, lastStableOffset } = await leader.read({
    ...target,
    offset: offset(0),
    ...limits,
  })
  const { producers } = await leader.producers(target)
  const open = producers
    .filter(({ currentTransactionStartOffset }) => currentTransactionStartOffset >= 0)
    .map(({ producerId }) => producerId)
  return { partition, log, committed, highWatermark, lastStableOffset, open }
}

function entriesOf(pieces: readonly Uint8Array[]): LogEntry[] {
  const entries: LogEntry[] = []
  for (const batch of batchesInPieces(pieces)) {
    const { control, producerId, producerEpoch: epoch } = readBatchHeader(batch)
    for (const record of recordsOf(batch)) {
      const { offset } = record
      const marker = control ? readControlRecord(record) : null
      if (marker?.kind === 'commit' || marker?.kind === 'abort') {
        entries.push({ kind: marker.kind, offset, producerId, epoch })
      } else {
        const token = utf8.decode(record.value ?? undefined)
        entries.push({ kind: 'record', offset, token, producerId, epoch })
      }
    }
  }
  return entries
}

/** What each coordinator says of its transactional id. */
export async function describedTransactions(
  world: World,
  ids: readonly string[],
): Promise<Map<string, TransactionDescription>> {
  const described = new Map<string, TransactionDescription>()
  for (const id of ids) {
    const description = await world.ask('operator', (objects) =>
      objects.transaction(id).describe(id),
    )
    described.set(id, description)
  }
  return described
}
