// The cases that have gone wrong before, in Kafka or elsewhere: epochs that run out, answers that are
// lost, ends that meet beginnings, and whatever arrives late, twice or out of order.

import { describe, expect, it } from 'vitest'
import type { Participant } from '../../src/transaction/contract.ts'
import { Coordinator, group, ID, initialised, partition, SETTINGS, TIMEOUT_MS } from './harness.ts'

const EXHAUSTED = 32_766
const OK = 0

/** A coordinator whose producer has this epoch, nothing open. */
function atEpoch(producerEpoch: number): Coordinator {
  const made = initialised()
  made.forge({ producerEpoch })
  return made
}

describe('epochs that run out', () => {
  it('EndTxn at the last epoch goes on with a new producer id at epoch 0', () => {
    const made = atEpoch(EXHAUSTED)
    const before = made.current
    made.add([partition(0)])
    const next = made.end(true)
    expect(next).toEqual({ error: OK, producerId: 1_002, producerEpoch: 0 })
    expect(next.producerId).not.toBe(before.producerId)
    // The markers fence the old id: they carry an epoch no client was ever given.
    expect(made.tellings[0]?.ending).toMatchObject({
      producerId: before.producerId,
      producerEpoch: 32_767,
    })
    made.tellAll()
    expect(made.current).toMatchObject({ producerId: 1_002, producerEpoch: 0 })
  })

  it('EndTxn at the last epoch, repeated, answers the same new id, also after a restart', () => {
    const made = atEpoch(EXHAUSTED)
    const by = made.current
    made.add([partition(0)])
    const next = made.end(true)
    expect(made.end(true, { by }).error).toBe(51)
    made.restart()
    expect(made.end(true, { by }).error).toBe(51)
    made.tellAll()
    expect(made.end(true, { by })).toEqual(next)
    made.restart()
    expect(made.end(true, { by })).toEqual(next)
    expect(made.end(false, { by }).error).toBe(48)
    expect(made.allocated).toBe(2)
  })

  it('the new id of an EndTxn may be used before the end is complete: it waits', () => {
    const made = atEpoch(EXHAUSTED)
    made.add([partition(0)])
    const { producerId, producerEpoch } = made.end(true)
    const request = { transactionalId: ID, producerId, producerEpoch, participant: partition(1) }
    const ticket = made.send({ kind: 'enlist', request: { ...request, verifyOnly: false } })
    expect(made.answer(ticket)).toBeUndefined()
    made.tellAll()
    expect(made.answer(ticket)).toEqual({ error: OK, number: 2 })
  })

  it('an abort of nothing at the last epoch goes on with a new producer id', () => {
    const made = atEpoch(EXHAUSTED)
    const by = made.current
    const next = made.end(false)
    expect(next).toMatchObject({ error: OK, producerEpoch: 0 })
    expect(next.producerId).not.toBe(by.producerId)
    expect(made.end(false, { by })).toEqual(next)
  })

  it('InitProducerId at the last epoch gives a new producer id at epoch 0', () => {
    const made = atEpoch(EXHAUSTED)
    const before = made.current
    const next = made.init()
    expect(next).toMatchObject({ error: OK, producerEpoch: 0 })
    expect(next.producerId).not.toBe(before.producerId)
  })

  it('InitProducerId of the producer itself at the last epoch answers the same when repeated', () => {
    const made = atEpoch(EXHAUSTED)
    const had = made.current
    const next = made.init(had)
    expect(next).toMatchObject({ error: OK, producerEpoch: 0 })
    expect(made.init(had)).toEqual(next)
    made.restart()
    expect(made.init(had)).toEqual(next)
    expect(made.init({ ...had, producerEpoch: 12 }).error).toBe(90)
  })

  it('fencing a producer at the last epoch leaves room: the next one gets a new id', () => {
    const made = atEpoch(EXHAUSTED)
    const zombie = made.current
    made.add([partition(0)])
    expect(made.init().error).toBe(51)
    expect(made.tellings[0]?.ending).toMatchObject({ producerEpoch: 32_767 })
    made.tellAll()
    const next = made.init()
    expect(next).toMatchObject({ error: OK, producerEpoch: 0 })
    expect(next.producerId).not.toBe(zombie.producerId)
    expect(made.add([partition(0)], zombie)).toBe(49)
  })

  it('a producer that was timed out at the last epoch may go on with a new id', () => {
    const made = atEpoch(EXHAUSTED)
    const had = made.current
    made.add([partition(0)])
    made.pass(TIMEOUT_MS)
    made.tellAll()
    const next = made.init(had)
    expect(next).toMatchObject({ error: OK, producerEpoch: 0 })
    expect(made.init(had)).toEqual(next)
  })
})

describe('an answer that was lost', () => {
  it.each([true, false])(
    'EndTxn version 5 (commit: %s) answers the same id and epoch',
    (committed) => {
      const made = initialised()
      const by = made.current
      made.add([partition(0)])
      const next = made.end(committed)
      expect(next).toEqual({ error: OK, producerId: by.producerId, producerEpoch: 1 })
      made.tellAll()
      expect(made.end(committed, { by })).toEqual(next)
      made.restart()
      expect(made.end(committed, { by })).toEqual(next)
      expect(made.end(!committed, { by }).error).toBe(48)
    },
  )

  it('EndTxn version 5, repeated once the next transaction is open, is fenced', () => {
    const made = initialised()
    const by = made.current
    made.add([partition(0)])
    made.end(true)
    made.tellAll()
    made.add([partition(0)])
    expect(made.end(true, { by }).error).toBe(90)
    expect(made.state?.state).toBe('Ongoing')
  })

  it('an add, repeated, changes nothing and is answered alike', () => {
    const made = initialised()
    const first = made.enlist(partition(0))
    made.changes = []
    expect(made.enlist(partition(0))).toEqual(first)
    expect(made.add([partition(0)])).toBe(OK)
    expect(made.changes).toEqual([])
  })
})

describe('InitProducerId', () => {
  it('during Prepare is told to ask again, and fences nobody', () => {
    const made = initialised()
    made.add([partition(0)])
    const next = made.end(true)
    expect(made.init().error).toBe(51)
    expect(
      made.init({ producerId: next.producerId, producerEpoch: next.producerEpoch }).error,
    ).toBe(51)
    made.tellAll()
    expect(made.state?.state).toBe('CompleteCommit')
    expect(made.current.producerEpoch).toBe(1)
  })

  it('during a transaction aborts it with markers of a higher epoch', () => {
    const made = initialised()
    const zombie = made.current
    made.add([partition(0), partition(1)])
    expect(made.init().error).toBe(51)
    expect(made.tellings.map(({ ending }) => ending)).toEqual([
      { producerId: zombie.producerId, producerEpoch: 1, number: 1, committed: false },
      { producerId: zombie.producerId, producerEpoch: 1, number: 1, committed: false },
    ])
    made.tellAll()
    expect(made.init()).toMatchObject({ error: OK, producerEpoch: 2 })
    expect(made.end(true, { by: zombie }).error).toBe(90)
    expect(made.end(true, { by: zombie, version: 4 }).error).toBe(90)
    expect(made.add([partition(0)], zombie)).toBe(90)
    expect(made.enlist(partition(0), { by: zombie })).toEqual({ error: 90, number: -1 })
  })

  it('of a producer aborted by us is known by its last epoch only where ends raise the epoch', () => {
    for (const [bumps, error] of [
      [true, OK],
      [false, 90],
    ] as const) {
      const made = initialised({ ...SETTINGS, bumps })
      const had = made.current
      made.add([partition(0)])
      made.pass(TIMEOUT_MS)
      made.tellAll()
      expect(made.current.producerEpoch).toBe(1)
      expect(made.init(had).error).toBe(error)
    }
  })

  it('asks for a producer id only where it may need one', () => {
    const made = new Coordinator()
    made.init()
    made.init()
    made.add([partition(0)])
    made.init()
    made.tellAll()
    made.init()
    expect(made.allocated).toBe(1)
  })
})

describe('a partition of a topic that was recreated', () => {
  it('takes part when it was added by its name, for which an old id was taken', () => {
    const made = initialised()
    const old = partition(0)
    const young = { ...old, topicId: 'young'.padEnd(22, 'A') } as Participant
    made.add([old])
    expect(made.enlist(young, { verifyOnly: true })).toEqual({ error: OK, number: 1 })
    const other = { ...young, partition: 1 } as Participant
    expect(made.enlist(other, { verifyOnly: true }).error).toBe(120)
    made.restart()
    expect(made.enlist(young, { verifyOnly: true })).toEqual({ error: OK, number: 1 })
    made.end(true, { version: 4 })
    expect(made.tellings.map(({ participant }) => participant)).toEqual([old, young])
  })
})

describe('markers', () => {
  it('of older transactions, doubled or reordered, end nothing', () => {
    const made = initialised()
    made.add([partition(0), partition(1)])
    made.end(true)
    const [first, second] = made.tellings
    made.tell(second!)
    made.tell(second!)
    expect(made.state?.state).toBe('PrepareCommit')
    made.tell(first!)
    expect(made.state?.state).toBe('CompleteCommit')
    made.add([partition(0), partition(1)])
    made.end(true)
    made.tell(first!)
    made.tell(second!)
    made.tell(first!, false)
    expect(made.state?.state).toBe('PrepareCommit')
    expect(made.tellings.map(({ ending }) => ending.number)).toEqual([2, 2])
    made.tellAll()
    expect(made.state?.state).toBe('CompleteCommit')
  })

  it('that fail are sent again, the others once', () => {
    const made = initialised()
    made.add([partition(0), group('g')])
    made.end(false)
    const [first, second] = made.tellings
    made.tell(first!, false)
    made.tell(second!)
    expect(made.tellings).toEqual([{ ...first!, attempt: 1 }])
    made.tell(made.tellings[0]!, false)
    expect(made.tellings).toEqual([{ ...first!, attempt: 2 }])
    made.tellAll()
    expect(made.state?.state).toBe('CompleteAbort')
  })

  it('go out several at a time, and all of them', () => {
    const made = initialised()
    made.add(Array.from({ length: 200 }, (_, index) => partition(index)))
    made.end(true)
    expect(made.tellings).toHaveLength(64)
    const told = new Set<number>()
    for (let next = made.tellings[0]; next !== undefined; next = made.tellings[0]) {
      if (next.participant.kind === 'partition') told.add(next.participant.partition)
      made.tell(next)
      expect(made.tellings.length).toBeLessThanOrEqual(64)
    }
    expect(told.size).toBe(200)
    expect(made.state?.state).toBe('CompleteCommit')
  })

  it('that fail, however many, do not keep the others waiting', () => {
    const made = initialised()
    made.add(Array.from({ length: 200 }, (_, index) => partition(index)))
    made.end(true)
    const isDown = (index: number) => index < 100
    const told = new Set<number>()
    for (let round = 0; round < 2_000 && told.size < 100; round++) {
      const next = made.tellings[0]!
      const index = next.participant.kind === 'partition' ? next.participant.partition : -1
      if (!isDown(index)) told.add(index)
      made.tell(next, !isDown(index))
      expect(made.tellings.length).toBeLessThanOrEqual(64)
    }
    expect(told.size).toBe(100)
    // Each failure of a participant is counted, so that the pauses grow.
    for (let round = 0; round < 300; round++) made.tell(made.tellings[0]!, false)
    expect(Math.min(...made.tellings.map(({ attempt }) => attempt))).toBeGreaterThan(2)
    made.tellAll()
    expect(made.state?.state).toBe('CompleteCommit')
  })

  it('carry the epoch of the transaction before version 5, and the raised one from then on', () => {
    const made = initialised()
    made.add([partition(0)])
    made.end(true, { version: 4 })
    expect(made.tellings[0]?.ending.producerEpoch).toBe(0)
    made.tellAll()
    made.add([partition(0)])
    made.end(true)
    expect(made.tellings[0]?.ending.producerEpoch).toBe(1)
  })
})

describe('adds that come while a transaction is being ended', () => {
  it('wait for its end, in their order, and begin the next', () => {
    const made = initialised()
    made.add([partition(0)])
    const { producerId, producerEpoch } = made.end(true)
    const by = { transactionalId: ID, producerId, producerEpoch }
    const tickets = [0, 1].map((index) => {
      const request = { ...by, participant: partition(index), verifyOnly: false }
      return made.send({ kind: 'enlist', request })
    })
    tickets.push(made.send({ kind: 'add', request: { ...by, participants: [group('g')] } }))
    expect(tickets.map((ticket) => made.answer(ticket))).toEqual([undefined, undefined, undefined])
    made.tellAll()
    expect(tickets.map((ticket) => made.answer(ticket))).toEqual([
      { error: OK, number: 2 },
      { error: OK, number: 2 },
      { error: OK },
    ])
    expect(made.state).toMatchObject({ state: 'Ongoing', number: 2 })
    expect(made.ask({ kind: 'describe' }).partitions).toHaveLength(2)
  })

  it('are told to ask again when that takes too long', () => {
    const made = initialised()
    made.add([partition(0)])
    const { producerId, producerEpoch } = made.end(true)
    const by = { transactionalId: ID, producerId, producerEpoch }
    const ticket = made.send({ kind: 'add', request: { ...by, participants: [partition(1)] } })
    expect(made.waits).toEqual([{ kind: 'wait', ms: 100, ticket }])
    made.send({ kind: 'waited', ticket })
    expect(made.answer(ticket)).toEqual({ error: 51 })
    made.tellAll()
    expect(made.state?.state).toBe('CompleteCommit')
    // Its time is up a second time: it was answered already.
    made.send({ kind: 'waited', ticket })
  })

  it('of the epoch before are fenced once it has ended', () => {
    const made = initialised()
    const late = made.current
    made.add([partition(0)])
    made.end(true)
    const request = { ...late, participant: partition(0), verifyOnly: false }
    const ticket = made.send({ kind: 'enlist', request })
    made.tellAll()
    expect(made.answer(ticket)).toEqual({ error: 90, number: -1 })
    expect(made.state?.state).toBe('CompleteCommit')
  })
})

describe('a coordinator that dies', () => {
  it('while a transaction is open goes on with it, and its time still runs', () => {
    const made = initialised()
    made.add([partition(0)])
    made.pass(TIMEOUT_MS - 1)
    made.restart()
    expect(made.state?.state).toBe('Ongoing')
    expect(made.enlist(partition(0), { verifyOnly: true })).toEqual({ error: OK, number: 1 })
    made.pass(1)
    expect(made.state?.state).toBe('PrepareAbort')
  })

  it('after a transaction of nobody has begun does not take those of the one before for its own', () => {
    const made = initialised()
    made.add([partition(0)])
    made.end(true)
    made.tellAll()
    expect(made.add([])).toBe(OK)
    made.restart()
    expect(made.state).toMatchObject({ state: 'Ongoing', number: 2 })
    expect(made.ask({ kind: 'describe' }).partitions).toEqual([])
    expect(made.end(true).error).toBe(OK)
    expect(made.state?.state).toBe('CompleteCommit')
  })

  it('while markers are under way sends all of them again, under the same number', () => {
    const made = initialised()
    made.add([partition(0), partition(1), group('g')])
    made.end(true)
    const before = made.tellings.map(({ ending, participant }) => ({ ending, participant }))
    made.tell(made.tellings[0]!)
    made.restart()
    const again = made.tellings.map(({ ending, participant }) => ({ ending, participant }))
    expect(again).toEqual(before)
    made.tellAll()
    made.restart()
    expect(made.tellings).toEqual([])
    expect(made.state?.state).toBe('CompleteCommit')
  })

  it('while markers are under way is woken again, in case it dies once more', () => {
    const made = initialised()
    made.add([partition(0)])
    made.end(true)
    const decidedMs = made.nowMs
    expect(made.deadlineMs).toBe(decidedMs + 10_000)
    made.pass(10_000)
    expect(made.deadlineMs).toBe(decidedMs + 20_000)
    made.restart()
    expect(made.deadlineMs).toBe(decidedMs + 20_000)
  })

  it('keeps counting transactions', () => {
    const made = initialised()
    const numbers: number[] = []
    for (let round = 0; round < 4; round++) {
      numbers.push(made.enlist(partition(0)).number)
      made.restart()
      made.end(round % 2 === 0)
      made.restart()
      made.tellAll()
    }
    expect(numbers).toEqual([1, 2, 3, 4])
  })
})

describe('a transactional id that expires', () => {
  it('is forgotten, and comes back under another producer id', () => {
    const made = initialised()
    const { producerId } = made.current
    made.add([partition(0)])
    made.end(true)
    made.tellAll()
    made.pass(SETTINGS.expirationMs - 1)
    expect(made.state).not.toBeNull()
    made.pass(1)
    expect(made.state).toBeNull()
    expect(made.ask({ kind: 'exists' })).toBe(false)
    expect(made.ask({ kind: 'describe' }).error).toBe(105)
    made.restart()
    expect(made.state).toBeNull()
    expect(made.init()).toMatchObject({ error: OK, producerEpoch: 0 })
    // Its transactions are counted from the start, which only a new id may.
    expect(made.current.producerId).not.toBe(producerId)
  })

  it('is not forgotten while a transaction is open or being ended', () => {
    const made = initialised()
    made.add([partition(0)])
    made.end(true)
    made.pass(2 * SETTINGS.expirationMs)
    expect(made.state?.state).toBe('PrepareCommit')
  })
})

describe('many participants', () => {
  it('are kept in rows of bounded size, of which an add writes the last', () => {
    const made = initialised()
    for (let at = 0; at < 2_000; at += 100) {
      made.add(Array.from({ length: 100 }, (_, index) => partition(at + index)))
    }
    const rows = made.storage.direct('SELECT length(entries) AS size FROM participants')
    expect(rows.length).toBeGreaterThan(3)
    for (const { size } of rows) expect(Number(size)).toBeLessThan(66_000)
    made.changes = []
    made.add([partition(2_000)])
    expect(made.changes.map(({ kind }) => kind)).toEqual(['participants'])
    made.restart()
    expect(made.ask({ kind: 'describe' }).partitions).toHaveLength(2_001)
    made.end(true)
    made.tellAll()
    expect(made.storage.direct('SELECT chunk FROM participants')).toHaveLength(1)
    made.add([partition(5)])
    made.restart()
    expect(made.ask({ kind: 'describe' }).partitions).toMatchObject([{ partition: 5 }])
  })

  it('more than one transaction can hold are refused, and the others stay', () => {
    const made = initialised()
    made.add([partition(0)])
    const long = (index: number) => group(`${index}`.padEnd(30_000, 'x'))
    const many = Array.from({ length: 100 }, (_, index) => long(index))
    expect(made.add(many)).toBe(42)
    expect(made.add(many.slice(0, 50))).toBe(OK)
    expect(made.ask({ kind: 'describe' }).partitions).toHaveLength(1)
  })
})
