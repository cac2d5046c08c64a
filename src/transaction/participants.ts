// Who takes part in the open transaction, in the order they joined, cut into chunks of bounded size: one
// chunk is one row, so that a transaction of thousands of partitions does not write all of them again
// with each that joins. Not their markers (markers.ts).

import { PARTICIPANTS_BYTES, PARTICIPANTS_CHUNK_BYTES } from '../core/limits/coordinators.ts'
import type { Participant } from './contract.ts'

/** Names a participant. */
export type ParticipantKey = string

/** The name of a participant: a partition by its topic's id, a group by its own. */
export function keyOf(participant: Participant): ParticipantKey {
  return participant.kind === 'group'
    ? `group/${participant.groupId}`
    : `partition/${participant.topicId}/${participant.partition}`
}

/** Chunks that changed and are to be written whole. */
export interface ChangedChunk {
  readonly chunk: number
  readonly entries: readonly Participant[]
}

/** The participants of one transaction. */
export class Participants {
  readonly #byKey = new Map<ParticipantKey, Participant>()
  readonly #chunks: Participant[][] = []
  /** Bytes of the chunk that is filled now, and of all. */
  #lastBytes = 0
  #bytes = 0

  /** @param chunks what was stored */
  constructor(chunks: readonly (readonly Participant[])[] = []) {
    for (const entries of chunks) {
      for (const entry of entries) this.#put(entry)
    }
  }

  get size(): number {
    return this.#byKey.size
  }

  /** Rows that hold them. */
  get chunks(): number {
    return this.#chunks.length
  }

  has(participant: Participant): boolean {
    return this.#byKey.has(keyOf(participant))
  }

  /** Whether the same partition of a topic of the same name is in, whatever the topic's id. */
  hasNamesake(participant: Participant): boolean {
    if (participant.kind !== 'partition') return false
    const { topic, partition } = participant
    for (const one of this.#byKey.values()) {
      if (one.kind === 'partition' && one.topic === topic && one.partition === partition)
        return true
    }
    return false
  }

  all(): readonly Participant[] {
    return [...this.#byKey.values()]
  }

  /** Whether these may join: a transaction is held in memory whole. */
  hasRoomFor(joining: readonly Participant[]): boolean {
    const more = joining.reduce((sum, one) => (this.has(one) ? sum : sum + sizeOf(one)), 0)
    return this.#bytes + more <= PARTICIPANTS_BYTES
  }

  /** Takes those who are not in yet; answers the chunks to write. */
  add(joining: readonly Participant[]): ChangedChunk[] {
    const first = Math.max(0, this.#chunks.length - 1)
    const before = this.size
    for (const one of joining) if (!this.has(one)) this.#put(one)
    if (this.size === before) return []
    return this.#chunks
      .slice(first)
      .map((entries, index) => ({ chunk: first + index, entries: [...entries] }))
  }

  #put(participant: Participant): void {
    const bytes = sizeOf(participant)
    let last = this.#chunks.at(-1)
    if (last === undefined || this.#lastBytes + bytes > PARTICIPANTS_CHUNK_BYTES) {
      last = []
      this.#chunks.push(last)
      this.#lastBytes = 0
    }
    last.push(participant)
    this.#lastBytes += bytes
    this.#bytes += bytes
    this.#byKey.set(keyOf(participant), participant)
  }
}

/** Bytes of its JSON at most: a character is six when it is escaped. */
function sizeOf(participant: Participant): number {
  const text = participant.kind === 'group' ? participant.groupId : participant.topic
  return 100 + 6 * text.length
}
