import { describe, expect, it } from 'vitest'
import { GroupStore, SCHEMA_VERSION } from '../../src/group/store.ts'
import { NewerSchemaError } from '../../src/runtime/storage.ts'
import { SqliteStorage } from '../partition/sqlite-storage.ts'
import { commit, idOf, join, World } from './harness.ts'

describe('the storage of a group', () => {
  it('is not created by a look at a group that does not exist', () => {
    const world = new World()
    world.ask({ kind: 'describe', version: 6 })
    world.ask({ kind: 'exists' })
    world.ask(join({ memberId: 'unknown' }))
    expect(world.storage.tables()).toEqual([])
  })

  it('holds the id of the group, whatever the name of the object tells', () => {
    const world = new World()
    world.ask(commit('t', 1))
    expect(new GroupStore(world.storage).load()?.groupId).toBe('group')
  })

  it('keeps offsets exactly, to 2^53', () => {
    const world = new World()
    world.ask(commit('t', 2 ** 53 - 1, { metadata: 'ä\u0000"' }))
    const kept = new GroupStore(world.storage).load()?.offsets.committed[0]
    expect(kept).toMatchObject({
      topicId: idOf('t'),
      name: 't',
      partition: 0,
      kept: { offset: 2 ** 53 - 1, metadata: 'ä\u0000"', expiresMs: null },
    })
  })

  it('writes all of a round or nothing', () => {
    const storage = new SqliteStorage()
    const store = new GroupStore(storage)
    storage.countFrom()
    storage.failAt = 8
    const change = { kind: 'group', groupId: 'g', type: 'classic' } as const
    const row = { kind: 'row', row: { kind: 'put', key: 'a', value: 'b' } } as const
    expect(() => store.write([change, row])).toThrow('SQLITE_FULL')
    expect(storage.tables()).toEqual([])
    store.write([change, row])
    expect(new GroupStore(storage).load()?.rows).toEqual(new Map([['a', 'b']]))
  })

  it('of a newer release is refused', () => {
    const world = new World()
    world.ask(commit('t', 1))
    world.storage.direct('UPDATE schema_version SET version = ?', SCHEMA_VERSION + 1)
    expect(() => new GroupStore(world.storage)).toThrow(NewerSchemaError)
  })

  it.each([
    ['with the configurations of the group', true],
    ['with settings', false],
  ])('of layout 1 is brought up to this one: %s', (_, hasConfigs) => {
    const world = new World()
    world.ask(commit('t', 7))
    const before = new GroupStore(world.storage).load()
    const { storage } = world
    if (hasConfigs) {
      storage.direct('ALTER TABLE consumer_group DROP COLUMN settings')
      storage.direct("ALTER TABLE consumer_group ADD COLUMN configs TEXT NOT NULL DEFAULT '{}'")
    }
    dropChecksums(storage)
    storage.direct('UPDATE schema_version SET version = 1')
    const store = new GroupStore(storage)
    expect(store.load()?.offsets).toEqual(before?.offsets)
    store.write([{ kind: 'group', groupId: 'group', type: 'consumer' }])
    expect(store.load()).toMatchObject({ type: 'consumer' })
    expect(storage.direct('SELECT version FROM schema_version')).toEqual([
      { version: SCHEMA_VERSION },
    ])
    expect(new GroupStore(storage).load()).toEqual(store.load())
  })

  it('that was given back begins anew', () => {
    const world = new World()
    world.ask(commit('t', 1))
    const store = new GroupStore(world.storage)
    expect(store.isCreated).toBe(true)
    store.forgotten()
    world.storage.deleteAll()
    expect(store.load()).toBeNull()
    store.write([{ kind: 'group', groupId: 'g', type: 'consumer' }])
    expect(store.load()).toMatchObject({ groupId: 'g', type: 'consumer' })
  })

  it.each([
    ["UPDATE consumer_group SET type = 'consumer'", 'the row 0 of consumer_group is damaged'],
    ["UPDATE consumer_group SET group_id = 'other'", 'the row 0 of consumer_group is damaged'],
    ['DELETE FROM consumer_group', 'the row of consumer_group is missing'],
    ["UPDATE membership SET value = '{}'", 'of membership is damaged'],
    ['UPDATE committed_offset SET committed = 2', 'of committed_offset is damaged'],
    ["UPDATE committed_offset SET topic_id = 'x'", 'the row x of committed_offset is damaged'],
    ['UPDATE pending_offset SET committed = 2', 'the row 1 of pending_offset is damaged'],
    ['UPDATE committed_offset SET checksum = NULL', 'of committed_offset is damaged'],
    ['DELETE FROM schema_version', 'layout NaN'],
  ])('that was damaged is refused by name and left as it is: %s', (damage, reason) => {
    const storage = keptGroup()
    expect(new GroupStore(storage).load()).not.toBeNull()
    storage.direct(damage)
    storage.rowsWritten = 0
    expect(() => new GroupStore(storage).load()).toThrow(reason)
    expect(storage.rowsWritten).toBe(0)
  })

  it('of a layout without checksums is brought up to this one and keeps what it had', () => {
    const storage = keptGroup()
    const before = new GroupStore(storage).load()
    dropChecksums(storage)
    storage.direct('UPDATE schema_version SET version = 2')
    for (let again = 0; again < 2; again++) {
      expect(new GroupStore(storage).load()).toEqual(before)
    }
    storage.direct('UPDATE committed_offset SET committed = 77')
    expect(() => new GroupStore(storage).load()).toThrow('of committed_offset is damaged')
  })
})

/** A group with a row of each kind. */
function keptGroup(): SqliteStorage {
  const storage = new SqliteStorage()
  const kept = {
    offset: 1,
    leaderEpoch: 0,
    metadata: '',
    committedMs: 5,
    expiresMs: null,
    sequence: 1,
    history: '',
  }
  const of = { topicId: idOf('t'), partition: 0, name: 't' }
  new GroupStore(storage).write([
    { kind: 'group', groupId: 'g', type: 'classic' },
    { kind: 'settings', settings: '{}' },
    { kind: 'row', row: { kind: 'put', key: 'a', value: 'b' } },
    { kind: 'offset', offset: { kind: 'commit', ...of, kept } },
    {
      kind: 'offset',
      offset: { kind: 'pend', ...of, producerId: 1, producerEpoch: 0, number: 1, kept },
    },
  ])
  return storage
}

function dropChecksums(storage: SqliteStorage): void {
  const tables = ['consumer_group', 'membership', 'committed_offset', 'pending_offset']
  for (const table of tables) storage.direct(`ALTER TABLE ${table} DROP COLUMN checksum`)
  storage.direct('ALTER TABLE committed_offset DROP COLUMN history')
}
