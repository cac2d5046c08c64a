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
})
