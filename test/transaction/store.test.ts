// What a transaction coordinator keeps: nothing for who only asks, one row for a state however many
// states it went through, and a layout that an older release leaves alone.

import { describe, expect, it } from 'vitest'
import { NewerSchemaError } from '../../src/runtime/storage.ts'
import { load, write } from '../../src/transaction/store.ts'
import type { Change } from '../../src/transaction/transaction.ts'
import { Coordinator, initialised, partition } from './harness.ts'

describe('the storage of a transactional id', () => {
  it('is not touched by who only asks', () => {
    const made = new Coordinator()
    expect(made.add([partition(0)])).toBe(49)
    expect(made.ask({ kind: 'exists' })).toBe(false)
    expect(made.storage.tables()).toEqual([])
  })

  it('of a newer layout is refused', () => {
    const made = initialised()
    made.storage.direct('UPDATE schema_version SET version = 3')
    expect(() => load(made.storage)).toThrow(NewerSchemaError)
  })

  it('takes the last of several states, and what lies between them in order', () => {
    const made = initialised()
    const state = made.state!
    const entries = [partition(0)]
    const changes: Change[] = [
      { kind: 'state', state: { ...state, number: 1 } },
      { kind: 'participants', number: 1, chunk: 0, entries },
      { kind: 'gone' },
      { kind: 'state', state: { ...state, number: 2, state: 'Ongoing' } },
      { kind: 'participants', number: 2, chunk: 0, entries: [partition(3)] },
    ]
    made.storage.rowsWritten = 0
    write(made.storage, changes)
    const loaded = load(made.storage)
    expect(loaded.state).toMatchObject({ number: 2, state: 'Ongoing' })
    expect(loaded.participants.all()).toEqual([partition(3)])
  })

  it('is written all or not at all', () => {
    const made = initialised()
    const before = load(made.storage).state
    made.storage.countFrom()
    made.storage.failAt = 3
    expect(() => made.add([partition(0)])).toThrow('SQLITE_FULL')
    expect(load(made.storage).state).toEqual(before)
  })

  it('is written once for a beginning, once for a decision and once for its end', () => {
    const made = initialised()
    const rows = (act: () => void) => {
      made.storage.rowsWritten = 0
      act()
      return made.storage.rowsWritten
    }
    made.add([partition(0)])
    made.end(true)
    made.tellAll()
    expect(rows(() => made.add([partition(0), partition(1), partition(2)]))).toBe(2)
    expect(rows(() => made.end(true))).toBe(1)
    expect(rows(() => made.tellAll())).toBe(1)
  })

  it.each([
    ['UPDATE txn SET producer_id = producer_id + 1', 'the row 0 of txn is damaged'],
    ["UPDATE txn SET state = 'Nonsense'", 'the row 0 of txn is damaged'],
    ["UPDATE participants SET entries = '[]'", 'the row 0 of participants is damaged'],
    ['UPDATE txn SET checksum = NULL', 'the row 0 of txn is damaged'],
    ['DELETE FROM schema_version', 'layout NaN'],
  ])('that was damaged is refused by name and left as it is: %s', (damage, reason) => {
    const made = initialised()
    made.add([partition(0)])
    expect(load(made.storage).state).toEqual(made.state)
    made.storage.direct(damage)
    made.storage.countFrom()
    made.storage.rowsWritten = 0
    expect(() => load(made.storage)).toThrow(reason)
    expect(made.storage.rowsWritten).toBe(0)
  })

  it('of the first layout is brought up to this one and keeps what it had', () => {
    const made = initialised()
    made.add([partition(0)])
    for (const table of ['txn', 'participants']) {
      made.storage.direct(`ALTER TABLE ${table} DROP COLUMN checksum`)
    }
    made.storage.direct('UPDATE schema_version SET version = 1')
    for (let again = 0; again < 2; again++) {
      const loaded = load(made.storage)
      expect(loaded.state).toEqual(made.state)
      expect(loaded.participants.all()).toEqual([partition(0)])
    }
    made.storage.direct('UPDATE txn SET number = 7')
    expect(() => load(made.storage)).toThrow('the row 0 of txn is damaged')
  })
})
