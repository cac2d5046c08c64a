// Which participants have been told the end of a transaction: several at a time, each again and again
// until it is done. In memory only: markers are known by the number of their transaction, so that a
// coordinator that was restarted tells everybody again. Not the calls (object.ts).

import { MARKERS_IN_FLIGHT } from '../core/limits/coordinators.ts'
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
  /** Whose turn it is: the last first. */
  #waiting: Telling[]
  /** Those who failed while others were waiting, and come after them. */
  #failed: Telling[] = []
  readonly #underWay = new Map<ParticipantKey, Telling>()

  constructor(participants: readonly Participant[]) {
    this.#waiting = participants.map((participant) => ({ participant, attempt: 0 })).reverse()
  }

  /** Everybody knows. */
  get done(): boolean {
    return this.#waiting.length + this.#failed.length + this.#underWay.size === 0
  }

  /** Those who are not known to know. */
  untold(): readonly Participant[] {
    const tellings = [...this.#underWay.values(), ...this.#waiting.toReversed(), ...this.#failed]
    return tellings.map(({ participant }) => participant)
  }

  /** Whom to tell now. */
  next(): Telling[] {
    const tellings: Telling[] = []
    while (this.#underWay.size < MARKERS_IN_FLIGHT) {
      if (this.#waiting.length === 0) {
        this.#waiting = this.#failed.reverse()
        this.#failed = []
      }
      const telling = this.#waiting.pop()
      if (telling === undefined) break
      this.#underWay.set(keyOf(telling.participant), telling)
      tellings.push(telling)
    }
    return tellings
  }

  /** One knows; unknown ones are late answers. */
  told(participant: Participant): void {
    this.#underWay.delete(keyOf(participant))
  }

  /** One could not be told: whom to try next, which is another one as long as others are waiting. */
  failed(participant: Participant): Telling[] {
    const key = keyOf(participant)
    const before = this.#underWay.get(key)
    if (before === undefined) return []
    this.#underWay.delete(key)
    this.#failed.push({ participant, attempt: before.attempt + 1 })
    return this.next()
  }
}
