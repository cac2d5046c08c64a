// Which participants have been told the end of a transaction: several at a time, each again and again
// until it is done. In memory only: markers are known by the number of their transaction, so that a
// coordinator that was restarted tells everybody again. Not the calls (object.ts).

import { MARKERS_IN_FLIGHT } from '../core/limits.ts'
import type { Participant } from './contract.ts'
import { keyOf, type ParticipantKey } from './participants.ts'

/** One participant to be told, for the how-manieth time. */
export interface Telling {
  readonly participant: Participant
  /** 0 at first; later ones wait a while before they are made. */
  readonly attempt: number
}

/** See the head of this file. */
export class Markers {
  readonly #waiting: Participant[]
  readonly #underWay = new Map<ParticipantKey, Telling>()

  constructor(participants: readonly Participant[]) {
    this.#waiting = [...participants].reverse()
  }

  /** Everybody knows. */
  get done(): boolean {
    return this.#waiting.length === 0 && this.#underWay.size === 0
  }

  /** Those who are not known to know. */
  untold(): readonly Participant[] {
    const underWay = [...this.#underWay.values()].map(({ participant }) => participant)
    return [...underWay, ...this.#waiting.toReversed()]
  }

  /** Whom to tell now. */
  next(): Telling[] {
    const tellings: Telling[] = []
    while (this.#underWay.size < MARKERS_IN_FLIGHT) {
      const participant = this.#waiting.pop()
      if (participant === undefined) break
      const telling = { participant, attempt: 0 }
      this.#underWay.set(keyOf(participant), telling)
      tellings.push(telling)
    }
    return tellings
  }

  /** One knows; unknown ones are late answers. */
  told(participant: Participant): void {
    this.#underWay.delete(keyOf(participant))
  }

  /** One could not be told: what to try next, if it is still to be told. */
  failed(participant: Participant): Telling[] {
    const key = keyOf(participant)
    const before = this.#underWay.get(key)
    if (before === undefined) return []
    const telling = { participant, attempt: before.attempt + 1 }
    this.#underWay.set(key, telling)
    return [telling]
  }
}
