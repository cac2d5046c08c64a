// What the directory in Cluster is told of a transactional id: the first entry before anything is kept,
// the latest of what follows, and nothing twice.

import { beforeEach, describe, expect, it } from 'vitest'
import type { TransactionEntry } from '../../src/cluster/contract.ts'
import { Directory } from '../../src/transaction/directory.ts'

const entry = (state: string): TransactionEntry => ({
  transactionalId: 'payments',
  producerId: 7,
  state,
  startTimeMs: -1,
})

let now = 0
let timers: { readonly atMs: number; readonly callback: () => void }[] = []
/** States told, 'gone' for a removal. */
let told: string[] = []
let failures = 0
let directory: Directory
/** Calls are held until this resolves. */
let gate: Promise<void> = Promise.resolve()

async function call(what: string): Promise<void> {
  await gate
  if (failures > 0) {
    failures -= 1
    throw new Error('unreachable')
  }
  told.push(what)
}

beforeEach(() => {
  now = 1_000_000
  timers = []
  told = []
  failures = 0
  gate = Promise.resolve()
  directory = new Directory({
    register: ({ state }) => call(state),
    remove: () => call('gone'),
    now: () => now,
    later: (ms, callback) => timers.push({ atMs: now + ms, callback }),
    report: () => {},
  })
})

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

async function pass(ms: number): Promise<void> {
  now += ms
  const due = timers.filter(({ atMs }) => atMs <= now)
  timers = timers.filter(({ atMs }) => atMs > now)
  for (const { callback } of due) callback()
  await settle()
}

describe('the directory of transactional ids', () => {
  it('has an entry before anything is kept, once', async () => {
    await directory.ensure(entry('Empty'))
    await directory.ensure(entry('Empty'))
    expect(told).toEqual(['Empty'])
  })

  it('is not told what it says already', async () => {
    await directory.ensure(entry('Empty'))
    directory.announce(entry('Empty'))
    await pass(5_000)
    expect(told).toEqual(['Empty'])
  })

  it('hears the first change at once, then the latest, once a second', async () => {
    await directory.ensure(entry('Empty'))
    directory.announce(entry('Ongoing'))
    await settle()
    expect(told).toEqual(['Empty', 'Ongoing'])
    for (const state of ['PrepareCommit', 'CompleteCommit', 'Ongoing', 'PrepareAbort']) {
      directory.announce(entry(state))
    }
    await pass(999)
    expect(told).toEqual(['Empty', 'Ongoing'])
    await pass(1)
    expect(told).toEqual(['Empty', 'Ongoing', 'PrepareAbort'])
    directory.announce(entry('CompleteAbort'))
    await pass(1_000)
    expect(told).toEqual(['Empty', 'Ongoing', 'PrepareAbort', 'CompleteAbort'])
  })

  it('is told again after a failure, ever later, of what is true by then', async () => {
    failures = 2
    directory.announce(entry('Ongoing'))
    await settle()
    directory.announce(entry('PrepareCommit'))
    await pass(1_999)
    expect(failures).toBe(1)
    await pass(1)
    await pass(4_000)
    expect(told).toEqual(['PrepareCommit'])
  })

  it('refuses a first entry that could not be made, and makes it with the next', async () => {
    failures = 1
    await expect(directory.ensure(entry('Empty'))).rejects.toThrow('unreachable')
    await directory.ensure(entry('Empty'))
    expect(told).toEqual(['Empty'])
  })

  it('gets a new entry after a removal, in that order', async () => {
    await directory.ensure(entry('Empty'))
    const { promise, resolve } = Promise.withResolvers<void>()
    gate = promise
    directory.announce(null)
    const ensured = directory.ensure(entry('Empty'))
    await settle()
    expect(told).toEqual(['Empty'])
    resolve()
    await ensured
    expect(told).toEqual(['Empty', 'gone', 'Empty'])
  })

  it('is entered again after Cluster was told that there is nothing', async () => {
    await directory.ensure(entry('Empty'))
    await directory.ensure(entry('Empty'))
    directory.forget()
    await directory.ensure(entry('Empty'))
    expect(told).toEqual(['Empty', 'Empty'])
  })
})
