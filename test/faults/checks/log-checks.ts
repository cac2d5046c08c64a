// Compares what clients were told with what the log holds after a fault. Pure: the same history and the
// same log give the same violations. Each check has a name; a run that finds none has proven them all, as
// far as log-checks.test.ts shows that each lie is found.

import type {
  Commit,
  CommittedOffset,
  History,
  LogView,
  Observed,
  ProducerHistory,
  ReaderHistory,
  Seen,
  StoredRecord,
  Write,
} from './history.ts'

/** Something that must not be. */
export interface Violation {
  readonly check: CheckName
  readonly what: string
}

/** What is checked; the sentence is what holds. */
export const CHECKS = {
  lost: 'an acknowledged record is where its answer said',
  doubled: 'a record is stored once, unless its producer sends again and is not idempotent',
  reordered: 'the records of a producer are in the order it sent them',
  invented: 'what is stored was sent, byte for byte',
  gap: 'offsets are contiguous where nothing was compacted',
  unseen: 'what a reader was given is still there',
  'aborted-read': 'no reader of committed records is given a record of an aborted transaction',
  torn: 'a transaction is visible whole or not at all',
  'offset-back': 'the offset of a group is not behind what was confirmed',
  'offset-invented': 'the offset of a group is one that was committed',
  skipped: 'what lies behind the offset of a group was given to one of its members',
} as const

export type CheckName = keyof typeof CHECKS

/**
 * @param before what the clients knew before the log was read
 * @param after what they know now: the log may hold records sent meanwhile
 */
export function violations(before: History, after: History, observed: Observed): Violation[] {
  const found: Violation[] = []
  const report = (check: CheckName, what: string) => found.push({ check, what })
  const sent = new Map<string, Sent>()
  for (const producer of after.producers) {
    for (const write of producer.writes) sent.set(write.token, { write, producer })
  }
  const logs = new Map(observed.logs.map((log) => [placeOf(log), new IndexedLog(log)]))
  for (const log of logs.values()) {
    checkContents(log, sent, report)
    checkOffsets(log, report)
  }
  for (const producer of before.producers) {
    checkAcknowledged(producer, logs, report)
    checkTransactions(producer, logs, report)
  }
  for (const reader of before.readers) checkReader(reader, logs, after, report)
  for (const offset of observed.offsets) {
    checkGroupOffset(offset, before.commits, after.commits, report)
    checkSkipped(offset, after.readers, logs, report)
  }
  return found
}

type Report = (check: CheckName, what: string) => void

interface Sent {
  readonly write: Write
  readonly producer: ProducerHistory
}

/** Names a partition. */
function placeOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}-${partition}`
}

class IndexedLog {
  readonly log: LogView
  readonly place: string
  readonly records: readonly StoredRecord[]
  readonly byOffset: ReadonlyMap<number, StoredRecord>
  readonly offsetsOf: ReadonlyMap<string, readonly number[]>
  readonly committed: ReadonlySet<string>
  /** Of compacted topics: where each key was last written. */
  readonly #lastOfKey: ReadonlyMap<string, number>

  constructor(log: LogView) {
    this.log = log
    this.place = placeOf(log)
    this.records = log.batches.filter(({ control }) => !control).flatMap(({ records }) => records)
    this.byOffset = new Map(this.records.map((record) => [record.offset, record]))
    const offsetsOf = new Map<string, number[]>()
    for (const { token, offset } of this.records) {
      offsetsOf.set(token, [...(offsetsOf.get(token) ?? []), offset])
    }
    this.offsetsOf = offsetsOf
    this.committed = new Set(log.committed.map(({ token }) => token))
    // What was aborted supersedes nothing.
    const committed = this.records.filter(({ token }) => this.committed.has(token))
    this.#lastOfKey = new Map(committed.map(({ key, offset }) => [key ?? '', offset]))
  }

  /** Whether a record of this key at this offset may be gone by what the topic says. */
  mayBeGone(offset: number, key: string | null): boolean {
    if (offset < this.log.logStart) return this.log.kind === 'retained'
    if (this.log.kind !== 'compacted' || key === null) return false
    return (this.#lastOfKey.get(key) ?? -1) > offset
  }
}

/** Everything stored was sent; nothing twice, nothing out of order. */
function checkContents(log: IndexedLog, sent: ReadonlyMap<string, Sent>, report: Report): void {
  const last = new Map<ProducerHistory, Write>()
  const seen = new Set<string>()
  for (const { offset, token, key, whole } of log.records) {
    const at = `${log.place}@${offset}`
    const found = sent.get(token)
    if (found === undefined || placeOf(found.write) !== log.place || found.write.key !== key) {
      report('invented', `${at} holds ${token} with key ${key}`)
      continue
    }
    if (!whole) report('invented', `${at} holds ${token} with other bytes than were sent`)
    const { producer, write } = found
    if (seen.has(token)) {
      // A second copy says nothing about the order.
      if (producer.delivery !== 'repeated') report('doubled', `${at} holds ${token} again`)
      continue
    }
    seen.add(token)
    const before = last.get(producer)
    if (before !== undefined && before.sequence > write.sequence) {
      report('reordered', `${at} holds ${token} behind ${before.token}`)
    }
    last.set(producer, write)
  }
}

/** Batches follow each other without a gap or an overlap, from the log start to the end. */
function checkOffsets({ log, place }: IndexedLog, report: Report): void {
  let next = log.batches[0]?.baseOffset ?? log.end
  // The first batch may begin below the log start and never behind it, unless compaction took it.
  if (next > log.logStart && log.kind !== 'compacted') {
    report('gap', `${place} starts at ${log.logStart}, its first batch at ${next}`)
  }
  for (const { baseOffset, lastOffset, crcOk } of log.batches) {
    const isGap = log.kind === 'compacted' ? baseOffset < next : baseOffset !== next
    if (isGap) report('gap', `${place} has a batch at ${baseOffset}, expected at ${next}`)
    if (lastOffset < baseOffset) report('gap', `${place}@${baseOffset} ends at ${lastOffset}`)
    if (!crcOk) report('invented', `${place}@${baseOffset} is not what its CRC says`)
    next = lastOffset + 1
  }
  const endsEarly = log.kind === 'compacted' ? next > log.end : next !== log.end
  if (endsEarly) report('gap', `${place} ends at ${log.end}, its batches at ${next}`)
}

/** Each acknowledged record is at its offset. */
function checkAcknowledged(
  producer: ProducerHistory,
  logs: ReadonlyMap<string, IndexedLog>,
  report: Report,
): void {
  for (const write of producer.writes) {
    const log = logs.get(placeOf(write))
    if (write.offset < 0 || log === undefined) continue
    const stored = log.byOffset.get(write.offset)
    if (stored?.token === write.token) continue
    if (log.mayBeGone(write.offset, write.key)) continue
    if (stored === undefined && mayBeAborted(producer, write, log)) continue
    const instead = stored === undefined ? 'nothing' : stored.token
    report('lost', `${log.place}@${write.offset} holds ${instead}, ${write.token} was acknowledged`)
  }
}

/** Its transaction was not committed, or nobody was told; compaction removes what was aborted. */
function mayBeAborted(producer: ProducerHistory, write: Write, { log }: IndexedLog): boolean {
  if (write.transaction === null || log.kind !== 'compacted') return false
  const transaction = producer.transactions[write.transaction]
  return transaction?.end !== 'commit' || !transaction.acked
}

function isCommitted(producer: ProducerHistory, write: Write): boolean {
  return producer.transactions[write.transaction ?? -1]?.end === 'commit'
}

/** All of a transaction's records are visible, or none; what was confirmed is so. */
function checkTransactions(
  producer: ProducerHistory,
  logs: ReadonlyMap<string, IndexedLog>,
  report: Report,
): void {
  const writesOf = Map.groupBy(
    producer.writes.filter(({ transaction }) => transaction !== null),
    ({ transaction }) => transaction,
  )
  for (const [index, transaction] of producer.transactions.entries()) {
    const writes = (writesOf.get(index) ?? []).filter((write) => logs.has(placeOf(write)))
    const visible = writes.filter(({ token, ...at }) => logs.get(placeOf(at))?.committed.has(token))
    const name = `transaction ${index} of ${producer.name}`
    if (transaction.end !== 'commit') {
      for (const { token } of visible) {
        report('aborted-read', `${token} is visible, ${name} was not committed`)
      }
      continue
    }
    const missing = writes.filter(
      (write) => !visible.includes(write) && !isHidden(write, logs.get(placeOf(write))),
    )
    if (missing.length === 0 || (!transaction.acked && visible.length === 0)) continue
    // One that was never acknowledged may be missing where nothing of it was confirmed.
    const why = transaction.acked ? 'was confirmed' : `is visible in part (${visible.length})`
    for (const { token } of missing) report('torn', `${token} is not visible, ${name} ${why}`)
  }
}

/** It may have been removed since, by age or by a later record of its key. */
function isHidden(write: Write, log: IndexedLog | undefined): boolean {
  if (log === undefined) return true
  return write.offset >= 0
    ? log.mayBeGone(write.offset, write.key)
    : log.log.kind !== 'kept' && !log.offsetsOf.has(write.token)
}

/** What a reader was given is there still, and nothing of it was aborted. */
function checkReader(
  reader: ReaderHistory,
  logs: ReadonlyMap<string, IndexedLog>,
  after: History,
  report: Report,
): void {
  const log = logs.get(placeOf(reader))
  if (log === undefined) return
  const isAborted = abortedTokens(after)
  for (const { offset, token } of reader.seen) {
    const at = `${reader.name} was given ${token} at ${log.place}@${offset}`
    if (reader.readCommitted && isAborted(token)) {
      report('aborted-read', `${at}, which was aborted`)
      continue
    }
    const stored = log.byOffset.get(offset)
    if (stored?.token === token) continue
    if (stored === undefined && mayHaveGone(log, offset, token, after)) continue
    report('unseen', `${at}, where there is ${stored?.token ?? 'nothing'}`)
  }
}

function mayHaveGone(log: IndexedLog, offset: number, token: string, after: History): boolean {
  if (log.log.kind === 'kept') return false
  for (const producer of after.producers) {
    const write = producer.writes.find((one) => one.token === token)
    if (write === undefined) continue
    return log.mayBeGone(offset, write.key) || mayBeAborted(producer, write, log)
  }
  return false
}

function abortedTokens({ producers }: History): (token: string) => boolean {
  const aborted = new Set<string>()
  for (const producer of producers) {
    for (const write of producer.writes) {
      if (write.transaction !== null && !isCommitted(producer, write)) aborted.add(write.token)
    }
  }
  return (token) => aborted.has(token)
}

/** The group's offset is one that was asked for, and not before the last that was confirmed. */
function checkGroupOffset(
  { offset, ...at }: CommittedOffset,
  before: readonly Commit[],
  after: readonly Commit[],
  report: Report,
): void {
  const isHere = (commit: Commit) => commit.group === at.group && placeOf(commit) === placeOf(at)
  const name = `${at.group} on ${placeOf(at)}`
  const confirmed = before.filter((commit) => isHere(commit) && commit.confirmed)
  const highest = Math.max(-1, ...confirmed.map((commit) => commit.offset))
  if (offset < highest) report('offset-back', `${name} is at ${offset}, ${highest} was confirmed`)
  if (offset >= 0 && !after.some((commit) => isHere(commit) && commit.offset === offset)) {
    report('offset-invented', `${name} is at ${offset}, which nobody committed`)
  }
}

/** Every committed record below the group's offset was given to a member. */
function checkSkipped(
  { offset, ...at }: CommittedOffset,
  readers: readonly ReaderHistory[],
  logs: ReadonlyMap<string, IndexedLog>,
  report: Report,
): void {
  const log = logs.get(placeOf(at))
  if (log === undefined || log.log.kind !== 'kept') return
  const members = readers.filter(
    (reader) => reader.group === at.group && placeOf(reader) === placeOf(at),
  )
  const given = new Set(members.flatMap(({ seen }) => seen.map((one: Seen) => one.offset)))
  for (const one of log.log.committed) {
    if (one.offset >= offset) break
    if (given.has(one.offset)) continue
    report('skipped', `${at.group} is at ${offset}, nobody was given ${log.place}@${one.offset}`)
  }
}
