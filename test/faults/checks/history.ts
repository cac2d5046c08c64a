// What the clients of a faulty broker did and what they were told, and what its log holds afterwards: the
// two sides that log-checks.ts compares. Plain data; nothing from inside the broker.

/** What a topic does with old records, and so what may be missing of it. */
export type TopicKind = 'kept' | 'compacted' | 'retained'

/** One record that a producer sent. */
export interface Write {
  /** The record's value (padding aside); no two writes share one. */
  readonly token: string
  readonly topic: string
  readonly partition: number
  readonly key: string | null
  /** Counts what its producer sent to this partition. */
  readonly sequence: number
  /** Index of its transaction in the producer's list; null outside. */
  readonly transaction: number | null
  /** Where it was acknowledged; -1 while it is not. */
  offset: number
}

/** A transaction as its producer saw it. */
export interface TransactionOutcome {
  /** Times count events in this process; Infinity for what never was. */
  readonly begun: number
  asked: number
  ended: number
  /** What the producer asked for in the end. */
  end: 'none' | 'commit' | 'abort'
  /** It was told that it is so. */
  acked: boolean
}

/**
 * How often one record of a producer may be stored, and in which order:
 * `once` (idempotent or transactional), `unrepeated` (never sent twice), `repeated` (sent until acknowledged).
 */
export type Delivery = 'once' | 'unrepeated' | 'repeated'

/** Everything one producer did, over all lives of the broker. */
export interface ProducerHistory {
  readonly name: string
  readonly delivery: Delivery
  readonly writes: Write[]
  readonly transactions: TransactionOutcome[]
}

/** A record as a reader was given it. */
export interface Seen {
  readonly offset: number
  readonly token: string
}

/** One reader of one partition; members of a group have one for each partition they were given. */
export interface ReaderHistory {
  readonly name: string
  readonly topic: string
  readonly partition: number
  readonly readCommitted: boolean
  /** null outside a group. */
  readonly group: string | null
  readonly seen: Seen[]
}

/** An offset that a member of a group committed. */
export interface Commit {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  confirmed: boolean
}

/** All that the clients know. */
export interface History {
  readonly producers: readonly ProducerHistory[]
  readonly readers: readonly ReaderHistory[]
  readonly commits: readonly Commit[]
}

/** A batch as it is stored. */
export interface StoredBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly crcOk: boolean
  /** A marker. */
  readonly control: boolean
  readonly records: readonly StoredRecord[]
}

/** A record as it is stored. */
export interface StoredRecord extends Seen {
  readonly key: string | null
  /** The padding behind the token is as it was made. */
  readonly whole: boolean
}

/** One partition, read from its start to its end. */
export interface LogView {
  readonly topic: string
  readonly partition: number
  readonly kind: TopicKind
  readonly logStart: number
  /** The high watermark. */
  readonly end: number
  readonly batches: readonly StoredBatch[]
  /** What a reader of committed records is given, when no transaction is open. */
  readonly committed: readonly Seen[]
}

/** What a group's coordinator says a group has committed. */
export interface CommittedOffset {
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** -1 for none. */
  readonly offset: number
}

/** The broker's side. */
export interface Observed {
  readonly logs: readonly LogView[]
  readonly offsets: readonly CommittedOffset[]
}

/** A copy that stays as it is while the clients go on. */
export function snapshot(history: History): History {
  return {
    producers: history.producers.map((one) => ({
      ...one,
      writes: one.writes.map((write) => ({ ...write })),
      transactions: one.transactions.map((transaction) => ({ ...transaction })),
    })),
    readers: history.readers.map((one) => ({ ...one, seen: [...one.seen] })),
    commits: history.commits.map((commit) => ({ ...commit })),
  }
}
