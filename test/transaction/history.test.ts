// Any history a client, its participants and crashes can make: what holds at each step, whatever came
// before. Participants keep what a partition keeps (the highest number ended), so that markers may be
// late, doubled, lost and reordered.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Participant } from '../../src/transaction/contract.ts'
import { keyOf } from '../../src/transaction/participants.ts'
import {
  type Coordinator,
  group,
  initialised,
  partition,
  type Telling,
  TIMEOUT_MS,
} from './harness.ts'

const PARTICIPANTS: readonly Participant[] = [partition(0), partition(1), partition(2), group('g')]

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('add'), who: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('enlist'), who: fc.nat(3) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('end'),
      committed: fc.boolean(),
      version: fc.constantFrom(3, 5),
      stale: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('init'), says: fc.boolean() }) },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('deliver'),
      which: fc.nat(7),
      outcome: fc.constantFrom('done', 'lost', 'doubled', 'refused'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('time') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('late'), which: fc.nat(30) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** What each participant has been told, and what is promised. */
class History {
  readonly made: Coordinator = initialised()
  readonly #delivered: Telling[] = []
  /** The outcome by number: decided once. */
  readonly #decided = new Map<number, boolean>()
  /** Who took part, by number. */
  readonly #members = new Map<number, Set<string>>()
  /** Numbers each participant was told, with what. */
  readonly #told = new Map<string, Map<number, boolean>>()
  #lastNumber = 0
  #identity = [0, 0]

  play(step: Step): void {
    const { made } = this
    switch (step.kind) {
      case 'add':
      case 'enlist':
        this.#join(step.kind, PARTICIPANTS[(step as { who: number }).who]!)
        break
      case 'end': {
        const { committed, version, stale } = step as {
          committed: boolean
          version: number
          stale: boolean
        }
        const by = { ...made.current, producerEpoch: made.current.producerEpoch - (stale ? 1 : 0) }
        made.end(committed, { version, by })
        break
      }
      case 'init':
        made.init((step as { says: boolean }).says ? made.current : undefined)
        break
      case 'deliver':
        this.#deliver(step as { which: number; outcome: string })
        break
      case 'restart':
        made.restart()
        break
      case 'time':
        made.pass(TIMEOUT_MS)
        break
      case 'late': {
        const telling = this.#delivered[(step as { which: number }).which]
        if (telling !== undefined) {
          this.#arrive(telling)
          made.tell(telling)
        }
        break
      }
    }
    this.#check()
  }

  /** Delivers all that is under way: nothing may stay open for want of it. */
  settle(): void {
    while (this.made.tellings[0] !== undefined) this.#deliver({ which: 0, outcome: 'done' })
    expect(this.made.state?.state).not.toMatch(/^Prepare/)
    for (const [number, members] of this.#members) {
      if (number === this.made.state?.number && this.made.state.state === 'Ongoing') continue
      for (const member of members) {
        expect(this.#told.get(member)?.has(number), `${member} of ${number}`).toBe(true)
      }
    }
  }

  #join(kind: string, who: Participant): void {
    const { made } = this
    const by = made.current
    const ticket =
      kind === 'add'
        ? made.send({ kind: 'add', request: { ...by, participants: [who] } })
        : made.send({ kind: 'enlist', request: { ...by, participant: who, verifyOnly: false } })
    const answer = made.answer(ticket) as { error: number; number?: number } | undefined
    if (answer?.error !== 0) return
    const number = made.state!.number
    if (answer.number !== undefined) expect(answer.number).toBe(number)
    expect(this.#decided.has(number), 'nobody joins what is decided').toBe(false)
    const members = this.#members.get(number) ?? new Set()
    members.add(keyOf(who))
    this.#members.set(number, members)
  }

  #deliver({ which, outcome }: { which: number; outcome: string }): void {
    const { tellings } = this.made
    const telling = tellings[which % Math.max(1, tellings.length)]
    if (telling === undefined) return
    if (outcome !== 'refused') this.#arrive(telling)
    if (outcome === 'doubled') this.#arrive(telling)
    this.#delivered.push(telling)
    // A lost answer is a failed call to the coordinator, though the marker was written.
    this.made.tell(telling, outcome === 'done' || outcome === 'doubled')
  }

  #arrive({ participant, ending }: Telling): void {
    const told = this.#told.get(keyOf(participant)) ?? new Map<number, boolean>()
    const before = told.get(ending.number)
    if (before !== undefined) expect(ending.committed, 'one outcome').toBe(before)
    told.set(ending.number, ending.committed)
    this.#told.set(keyOf(participant), told)
  }

  #check(): void {
    const { state } = this.made
    if (state === null) throw new Error('the id is gone')
    expect(state.number).toBeGreaterThanOrEqual(this.#lastNumber)
    this.#lastNumber = state.number
    const [id = 0, epoch = 0] = this.#identity
    expect(state.producerId >= id && (state.producerId > id || state.producerEpoch >= epoch)).toBe(
      true,
    )
    this.#identity = [state.producerId, state.producerEpoch]
    for (const { ending } of this.made.tellings) {
      const decided = this.#decided.get(ending.number)
      if (decided !== undefined) expect(ending.committed).toBe(decided)
      this.#decided.set(ending.number, ending.committed)
    }
    if (state.state === 'CompleteCommit' || state.state === 'CompleteAbort') {
      for (const member of this.#members.get(state.number) ?? []) {
        expect(this.#told.get(member)?.has(state.number), 'complete: everybody knows').toBe(true)
      }
    }
    const stored = this.made.storage.direct('SELECT state, number, producer_epoch FROM txn')[0]
    expect(stored).toEqual({
      state: state.state,
      number: state.number,
      producer_epoch: state.producerEpoch,
    })
  }
}

describe('any history', () => {
  it('keeps numbers, epochs and outcomes, and tells everybody', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        const history = new History()
        for (const one of steps) history.play(one)
        history.settle()
      }),
      { numRuns: 300 },
    )
  }, 60_000)
})
