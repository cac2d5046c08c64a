// Every state × every event, as Apache Kafka 4.1.1 answers it (transactions.test.ts in
// test/clients/conformance asks it). A missing cell does not compile.

import { describe, expect, it } from 'vitest'
import type { StoredStateName } from '../../src/transaction/state.ts'
import { Coordinator, group, ID, initialised, partition, TIMEOUT_MS } from './harness.ts'

type StateName = StoredStateName | 'none'

const OK = 0
const PRODUCER_FENCED = 90
const INVALID_PRODUCER_ID_MAPPING = 49
const INVALID_TXN_STATE = 48
const CONCURRENT_TRANSACTIONS = 51
const TRANSACTION_ABORTABLE = 120
/** Not answered: it waits for the transaction before. */
const WAITS = 'waits'

/** What comes of an event: the code it is answered with, and the state after it. */
type Cell = readonly [code: number | typeof WAITS, after: StateName]

const EVENTS = [
  'init',
  'init of the producer itself',
  'init of a stale epoch',
  'init of a foreign id',
  'add',
  'add by a stale epoch',
  'add by a foreign id',
  'enlist',
  'verify of one who takes part',
  'verify of one who does not',
  'verify by a stale epoch',
  'commit before version 5',
  'abort before version 5',
  'commit before version 5 by a stale epoch',
  'commit',
  'abort',
  'commit repeated',
  'abort repeated',
  'commit by a foreign id',
  'all are told',
  'the transaction times out',
  'the id expires',
] as const
type Event = (typeof EVENTS)[number]

/** A coordinator in a state, its producer at epoch 5 (6 once an end has raised it). */
const IN_STATE: Readonly<Record<StateName, () => Coordinator>> = {
  none: () => new Coordinator(),
  Empty: atEpoch5,
  Ongoing: ongoing,
  PrepareCommit: () => after(ongoing(), (one) => one.end(true)),
  PrepareAbort: () => after(ongoing(), (one) => one.end(false)),
  CompleteCommit: () => after(ongoing(), (one) => ended(one, true)),
  CompleteAbort: () => after(ongoing(), (one) => ended(one, false)),
}

function atEpoch5(): Coordinator {
  return after(initialised(), (one) => one.forge({ producerEpoch: 5 }))
}

function ongoing(): Coordinator {
  return after(atEpoch5(), (one) => one.add([partition(0), group('g')]))
}

function ended(made: Coordinator, committed: boolean): void {
  made.end(committed)
  made.tellAll()
}

function after(made: Coordinator, act: (made: Coordinator) => void): Coordinator {
  act(made)
  return made
}

/** Sends an event; gives the code of its answer. */
const SEND: Readonly<Record<Event, (to: Coordinator) => number | typeof WAITS>> = {
  init: (to) => to.init().error,
  'init of the producer itself': (to) => to.init(known(to)).error,
  'init of a stale epoch': (to) => to.init({ ...known(to), producerEpoch: 2 }).error,
  'init of a foreign id': (to) => to.init({ producerId: 7, producerEpoch: 5 }).error,
  add: (to) => asked(to, { kind: 'add', request: { ...known(to), participants: [partition(1)] } }),
  'add by a stale epoch': (to) =>
    asked(to, {
      kind: 'add',
      request: { ...known(to), producerEpoch: 2, participants: [partition(1)] },
    }),
  'add by a foreign id': (to) =>
    asked(to, {
      kind: 'add',
      request: { ...known(to), producerId: 7, participants: [partition(1)] },
    }),
  enlist: (to) =>
    asked(to, {
      kind: 'enlist',
      request: { ...known(to), participant: partition(1), verifyOnly: false },
    }),
  'verify of one who takes part': (to) =>
    to.enlist(partition(0), { verifyOnly: true, by: known(to) }).error,
  'verify of one who does not': (to) =>
    to.enlist(partition(9), { verifyOnly: true, by: known(to) }).error,
  'verify by a stale epoch': (to) =>
    to.enlist(partition(0), { verifyOnly: true, by: { ...known(to), producerEpoch: 2 } }).error,
  'commit before version 5': (to) => to.end(true, { version: 4, by: known(to) }).error,
  'abort before version 5': (to) => to.end(false, { version: 4, by: known(to) }).error,
  'commit before version 5 by a stale epoch': (to) =>
    to.end(true, { version: 4, by: { ...known(to), producerEpoch: 2 } }).error,
  commit: (to) => to.end(true, { by: known(to) }).error,
  abort: (to) => to.end(false, { by: known(to) }).error,
  'commit repeated': (to) => to.end(true, { by: { ...known(to), producerEpoch: 5 } }).error,
  'abort repeated': (to) => to.end(false, { by: { ...known(to), producerEpoch: 5 } }).error,
  'commit by a foreign id': (to) => to.end(true, { by: { ...known(to), producerId: 7 } }).error,
  'all are told': (to) => done(() => to.tellAll()),
  'the transaction times out': (to) => done(() => to.pass(TIMEOUT_MS)),
  'the id expires': (to) => done(() => to.pass(604_800_000)),
}

function known(to: Coordinator): {
  transactionalId: string
  producerId: number
  producerEpoch: number
} {
  return to.state === null ? { transactionalId: ID, producerId: 1, producerEpoch: 0 } : to.current
}

function done(act: () => void): number {
  act()
  return OK
}

function asked(
  to: Coordinator,
  command: Parameters<Coordinator['send']>[0],
): number | typeof WAITS {
  const answer = to.answer(to.send(command)) as { error: number } | undefined
  return answer === undefined ? WAITS : answer.error
}

// biome-ignore format: a table reads best with a row a line
const TABLE: Readonly<Record<Event, Readonly<Record<StateName, Cell>>>> = {
  'init': {
    none: [OK, 'Empty'], Empty: [OK, 'Empty'], Ongoing: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    PrepareCommit: [CONCURRENT_TRANSACTIONS, 'PrepareCommit'], PrepareAbort: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    CompleteCommit: [OK, 'Empty'], CompleteAbort: [OK, 'Empty'],
  },
  'init of the producer itself': {
    none: [OK, 'Empty'], Empty: [OK, 'Empty'], Ongoing: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    PrepareCommit: [CONCURRENT_TRANSACTIONS, 'PrepareCommit'], PrepareAbort: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    CompleteCommit: [OK, 'Empty'], CompleteAbort: [OK, 'Empty'],
  },
  'init of a stale epoch': {
    none: [OK, 'Empty'], Empty: [PRODUCER_FENCED, 'Empty'], Ongoing: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    PrepareCommit: [CONCURRENT_TRANSACTIONS, 'PrepareCommit'], PrepareAbort: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    CompleteCommit: [PRODUCER_FENCED, 'CompleteCommit'], CompleteAbort: [PRODUCER_FENCED, 'CompleteAbort'],
  },
  'init of a foreign id': {
    none: [OK, 'Empty'], Empty: [PRODUCER_FENCED, 'Empty'], Ongoing: [PRODUCER_FENCED, 'Ongoing'],
    PrepareCommit: [CONCURRENT_TRANSACTIONS, 'PrepareCommit'], PrepareAbort: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    CompleteCommit: [PRODUCER_FENCED, 'CompleteCommit'], CompleteAbort: [PRODUCER_FENCED, 'CompleteAbort'],
  },
  'add': {
    none: [INVALID_PRODUCER_ID_MAPPING, 'none'], Empty: [OK, 'Ongoing'], Ongoing: [OK, 'Ongoing'],
    PrepareCommit: [WAITS, 'PrepareCommit'], PrepareAbort: [WAITS, 'PrepareAbort'],
    CompleteCommit: [OK, 'Ongoing'], CompleteAbort: [OK, 'Ongoing'],
  },
  'add by a stale epoch': {
    none: [INVALID_PRODUCER_ID_MAPPING, 'none'], Empty: [PRODUCER_FENCED, 'Empty'], Ongoing: [PRODUCER_FENCED, 'Ongoing'],
    PrepareCommit: [WAITS, 'PrepareCommit'], PrepareAbort: [WAITS, 'PrepareAbort'],
    CompleteCommit: [PRODUCER_FENCED, 'CompleteCommit'], CompleteAbort: [PRODUCER_FENCED, 'CompleteAbort'],
  },
  'add by a foreign id': {
    none: [INVALID_PRODUCER_ID_MAPPING, 'none'], Empty: [INVALID_PRODUCER_ID_MAPPING, 'Empty'], Ongoing: [INVALID_PRODUCER_ID_MAPPING, 'Ongoing'],
    PrepareCommit: [WAITS, 'PrepareCommit'], PrepareAbort: [WAITS, 'PrepareAbort'],
    CompleteCommit: [INVALID_PRODUCER_ID_MAPPING, 'CompleteCommit'], CompleteAbort: [INVALID_PRODUCER_ID_MAPPING, 'CompleteAbort'],
  },
  'enlist': {
    none: [INVALID_PRODUCER_ID_MAPPING, 'none'], Empty: [OK, 'Ongoing'], Ongoing: [OK, 'Ongoing'],
    PrepareCommit: [WAITS, 'PrepareCommit'], PrepareAbort: [WAITS, 'PrepareAbort'],
    CompleteCommit: [OK, 'Ongoing'], CompleteAbort: [OK, 'Ongoing'],
  },
  'verify of one who takes part': {
    none: [INVALID_PRODUCER_ID_MAPPING, 'none'], Empty: [TRANSACTION_ABORTABLE, 'Empty'], Ongoing: [OK, 'Ongoing'],
    PrepareCommit: [CONCURRENT_TRANSACTIONS, 'PrepareCommit'], PrepareAbort: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    CompleteCommit: [TRANSACTION_ABORTABLE, 'CompleteCommit'], CompleteAbort: [TRANSACTION_ABORTABLE, 'CompleteAbort'],
  },
  'verify of one who does not': {
    none: [INVALID_PRODUCER_ID_MAPPING, 'none'], Empty: [TRANSACTION_ABORTABLE, 'Empty'], Ongoing: [TRANSACTION_ABORTABLE, 'Ongoing'],
    PrepareCommit: [CONCURRENT_TRANSACTIONS, 'PrepareCommit'], PrepareAbort: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    CompleteCommit: [TRANSACTION_ABORTABLE, 'CompleteCommit'], CompleteAbort: [TRANSACTION_ABORTABLE, 'CompleteAbort'],
  },
  'verify by a stale epoch': {
    none: [INVALID_PRODUCER_ID_MAPPING, 'none'], Empty: [PRODUCER_FENCED, 'Empty'], Ongoing: [PRODUCER_FENCED, 'Ongoing'],
    PrepareCommit: [PRODUCER_FENCED, 'PrepareCommit'], PrepareAbort: [PRODUCER_FENCED, 'PrepareAbort'],
    CompleteCommit: [PRODUCER_FENCED, 'CompleteCommit'], CompleteAbort: [PRODUCER_FENCED, 'CompleteAbort'],
  },
  'commit before version 5': {
    none: [INVALID_PRODUCER_ID_MAPPING, 'none'], Empty: [INVALID_TXN_STATE, 'Empty'], Ongoing: [OK, 'PrepareCommit'],
    PrepareCommit: [CONCURRENT_TRANSACTIONS, 'PrepareCommit'], PrepareAbort: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    CompleteCommit: [OK, 'CompleteCommit'], CompleteAbort: [INVALID_TXN_STATE, 'CompleteAbort'],
  },
  'abort before version 5': {
    none: [INVALID_PRODUCER_ID_MAPPING, 'none'], Empty: [INVALID_TXN_STATE, 'Empty'], Ongoing: [OK, 'PrepareAbort'],
    PrepareCommit: [CONCURRENT_TRANSACTIONS, 'PrepareCommit'], PrepareAbort: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    CompleteCommit: [INVALID_TXN_STATE, 'CompleteCommit'], CompleteAbort: [OK, 'CompleteAbort'],
  },
  'commit before version 5 by a stale epoch': {
    none: [INVALID_PRODUCER_ID_MAPPING, 'none'], Empty: [PRODUCER_FENCED, 'Empty'], Ongoing: [PRODUCER_FENCED, 'Ongoing'],
    PrepareCommit: [PRODUCER_FENCED, 'PrepareCommit'], PrepareAbort: [PRODUCER_FENCED, 'PrepareAbort'],
    CompleteCommit: [PRODUCER_FENCED, 'CompleteCommit'], CompleteAbort: [PRODUCER_FENCED, 'CompleteAbort'],
  },
  'commit': {
    none: [INVALID_PRODUCER_ID_MAPPING, 'none'], Empty: [INVALID_TXN_STATE, 'Empty'], Ongoing: [OK, 'PrepareCommit'],
    PrepareCommit: [CONCURRENT_TRANSACTIONS, 'PrepareCommit'], PrepareAbort: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    CompleteCommit: [INVALID_TXN_STATE, 'CompleteCommit'], CompleteAbort: [INVALID_TXN_STATE, 'CompleteAbort'],
  },
  'abort': {
    none: [INVALID_PRODUCER_ID_MAPPING, 'none'], Empty: [OK, 'CompleteAbort'], Ongoing: [OK, 'PrepareAbort'],
    PrepareCommit: [CONCURRENT_TRANSACTIONS, 'PrepareCommit'], PrepareAbort: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    CompleteCommit: [OK, 'CompleteAbort'], CompleteAbort: [OK, 'CompleteAbort'],
  },
  'commit repeated': {
    none: [INVALID_PRODUCER_ID_MAPPING, 'none'], Empty: [INVALID_TXN_STATE, 'Empty'], Ongoing: [OK, 'PrepareCommit'],
    PrepareCommit: [CONCURRENT_TRANSACTIONS, 'PrepareCommit'], PrepareAbort: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    CompleteCommit: [OK, 'CompleteCommit'], CompleteAbort: [INVALID_TXN_STATE, 'CompleteAbort'],
  },
  'abort repeated': {
    none: [INVALID_PRODUCER_ID_MAPPING, 'none'], Empty: [OK, 'CompleteAbort'], Ongoing: [OK, 'PrepareAbort'],
    PrepareCommit: [CONCURRENT_TRANSACTIONS, 'PrepareCommit'], PrepareAbort: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    CompleteCommit: [INVALID_TXN_STATE, 'CompleteCommit'], CompleteAbort: [OK, 'CompleteAbort'],
  },
  'commit by a foreign id': {
    none: [INVALID_PRODUCER_ID_MAPPING, 'none'], Empty: [INVALID_PRODUCER_ID_MAPPING, 'Empty'], Ongoing: [INVALID_PRODUCER_ID_MAPPING, 'Ongoing'],
    PrepareCommit: [CONCURRENT_TRANSACTIONS, 'PrepareCommit'], PrepareAbort: [CONCURRENT_TRANSACTIONS, 'PrepareAbort'],
    CompleteCommit: [INVALID_PRODUCER_ID_MAPPING, 'CompleteCommit'], CompleteAbort: [INVALID_PRODUCER_ID_MAPPING, 'CompleteAbort'],
  },
  'all are told': {
    none: [OK, 'none'], Empty: [OK, 'Empty'], Ongoing: [OK, 'Ongoing'],
    PrepareCommit: [OK, 'CompleteCommit'], PrepareAbort: [OK, 'CompleteAbort'],
    CompleteCommit: [OK, 'CompleteCommit'], CompleteAbort: [OK, 'CompleteAbort'],
  },
  'the transaction times out': {
    none: [OK, 'none'], Empty: [OK, 'Empty'], Ongoing: [OK, 'PrepareAbort'],
    PrepareCommit: [OK, 'PrepareCommit'], PrepareAbort: [OK, 'PrepareAbort'],
    CompleteCommit: [OK, 'CompleteCommit'], CompleteAbort: [OK, 'CompleteAbort'],
  },
  'the id expires': {
    none: [OK, 'none'], Empty: [OK, 'none'], Ongoing: [OK, 'PrepareAbort'],
    PrepareCommit: [OK, 'PrepareCommit'], PrepareAbort: [OK, 'PrepareAbort'],
    CompleteCommit: [OK, 'none'], CompleteAbort: [OK, 'none'],
  },
}

const STATES = Object.keys(IN_STATE) as StateName[]

describe.each(EVENTS)('%s', (event) => {
  it.each(STATES)('in %s', (state) => {
    const coordinator = IN_STATE[state]()
    expect(coordinator.state?.state ?? 'none').toBe(state)
    const [code, next] = TABLE[event][state]
    expect(SEND[event](coordinator)).toBe(code)
    expect(coordinator.state?.state ?? 'none').toBe(next)
  })

  it.each(STATES)('in %s leaves in memory what a restart finds', (state) => {
    const coordinator = IN_STATE[state]()
    SEND[event](coordinator)
    const before = coordinator.state
    coordinator.restart()
    expect(coordinator.state).toEqual(before)
  })
})
