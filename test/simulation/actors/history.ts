// What clients did and what they were told: the outside of the system, against which logs and offsets
// are judged in the end. Only what a real client knows; nothing from inside.

/** One record that a producer sent. */
export interface Write {
  readonly token: string
  readonly partition: number
  /** When it was first sent. */
  readonly firstSentMs: number
  /** Where it was acknowledged; -1 when it never was. */
  offset: number
}

/** One transaction as its producer saw it. */
export interface TransactionRecord {
  readonly producer: ProducerRecord
  readonly index: number
  readonly epoch: number
  readonly producerId: number
  readonly writes: Write[]
  /** The offset committed with it; null without. */
  input: { readonly partition: number; readonly offset: number; acked: boolean } | null
  /** What its producer asked for in the end. */
  end: 'none' | 'commit' | 'abort'
  /** The coordinator said that it was so. */
  acked: boolean
  /** The coordinator refused, and nothing asked before could have taken effect. */
  refused: boolean
}

/** One life of a producer. */
export interface ProducerRecord {
  readonly name: string
  readonly transactionalId: string | null
  readonly flow: 'older' | 'newer'
  /** When its first InitProducerId was answered; Infinity until then. */
  initialisedMs: number
  /** What it was given then. */
  producerId: number
  epoch: number
  readonly transactions: TransactionRecord[]
}

/** What a reader saw of a partition, in the order it saw it. */
export interface ReaderRecord {
  readonly name: string
  readonly partition: number
  readonly readCommitted: boolean
  readonly seen: { readonly token: string; readonly offset: number }[]
}

/** A producer without transactions. */
export interface IdempotentRecord {
  readonly name: string
  readonly partition: number
  readonly writes: Write[]
}

/** Everything that clients did. */
export class History {
  readonly producers: ProducerRecord[] = []
  readonly idempotent: IdempotentRecord[] = []
  readonly readers: ReaderRecord[] = []

  /** Every transaction of every life. */
  get transactions(): TransactionRecord[] {
    return this.producers.flatMap(({ transactions }) => transactions)
  }
}
