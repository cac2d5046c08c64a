import { describe, expect, it } from 'vitest'
import {
  authorizerSettings,
  SecuredAccess,
  type SecuritySource,
  SecurityState,
  securityMode,
} from '../../src/broker/security.ts'
import { SECURITY_CACHE_MS, SECURITY_REFRESH_MS } from '../../src/core/limits/security.ts'
import { CLUSTER_NAME, Operation, Resource } from '../../src/security/access.ts'
import { type AclBinding, PatternType, Permission } from '../../src/security/acl.ts'
import { NO_SECURITY, type SecuritySnapshot } from '../../src/security/kept.ts'
import { ANONYMOUS } from '../../src/security/principal.ts'

const SETTINGS = authorizerSettings({ config: {}, secret: 's', user: 'first' })

function allowing(principal: string, resourceName = 't'): AclBinding {
  return {
    resourceType: Resource.TOPIC,
    resourceName,
    patternType: PatternType.LITERAL,
    principal,
    host: '*',
    operation: Operation.READ,
    permissionType: Permission.ALLOW,
  }
}

function snapshot(version: number, ...acls: AclBinding[]): SecuritySnapshot {
  return { ...NO_SECURITY, version, aclsVersion: version, acls }
}

/** A controller whose answers the test gives; the clock stands until it is moved. */
function setup(first: SecuritySnapshot = NO_SECURITY) {
  let nowMs = 1_000_000
  let current = first
  let asked = 0
  let pending: (() => void)[] | null = null
  let failures = 0
  const source: SecuritySource = {
    async security(since) {
      asked += 1
      const told = current
      const held = pending
      if (held !== null) await new Promise<void>((resolve) => held.push(resolve))
      if (failures > 0) {
        failures -= 1
        throw new Error('unreachable')
      }
      return told.version === since ? null : told
    },
  }
  const state = new SecurityState(() => nowMs, SETTINGS)
  const access = (principal: `User:${string}` | null, allowAnonymous = false) => {
    const made = new SecuredAccess({ state, source, clientHost: '/10.0.0.1', allowAnonymous })
    if (principal !== null) made.identify(principal)
    return made
  }
  const reads = (principal: `User:${string}`) =>
    access(principal).may(Operation.READ, Resource.TOPIC, 't')
  return {
    state,
    source,
    access,
    reads,
    pass: (ms: number) => {
      nowMs += ms
    },
    set: (next: SecuritySnapshot) => {
      current = next
    },
    hold() {
      pending = []
    },
    release() {
      const held = pending ?? []
      pending = null
      for (const one of held) one()
    },
    fail(times: number) {
      failures = times
    },
    asked: () => asked,
  }
}

describe('the mode of a broker', () => {
  it.each([
    [{ secret: null, local: true, allowAnonymous: false }, 'open'],
    [{ secret: null, local: false, allowAnonymous: true }, 'open'],
    [{ secret: null, local: false, allowAnonymous: false }, 'closed'],
    [{ secret: 's', local: true, allowAnonymous: true }, 'secured'],
    [{ secret: 's', local: false, allowAnonymous: false }, 'secured'],
  ] as const)('of %j is %s', (environment, mode) => {
    expect(securityMode({ config: {}, oauthKeys: null, ...environment })).toBe(mode)
  })

  it('is secured where tokens of somebody are taken', () => {
    const environment = { secret: null, local: true, allowAnonymous: true, config: {} }
    expect(securityMode({ ...environment, oauthKeys: { keys: [] } })).toBe('secured')
  })
})

describe('what an isolate knows of users, rules and quotas', () => {
  it('is read before anything is decided by it, and then no more for a while', async () => {
    const { state, source, reads, asked, pass } = setup(snapshot(1, allowing('User:a')))
    expect(reads('User:a')).toBe(false)
    await state.ready(source)
    expect(reads('User:a')).toBe(true)
    expect(reads('User:b')).toBe(false)
    pass(SECURITY_REFRESH_MS - 1)
    expect(state.ready(source)).toBeUndefined()
    expect(asked()).toBe(1)
  })

  it('is never older than the bound when it is decided by', async () => {
    const { state, source, reads, set, pass, hold, release } = setup(
      snapshot(1, allowing('User:a')),
    )
    await state.ready(source)
    set(snapshot(2))
    pass(SECURITY_CACHE_MS)
    hold()
    const reading = state.ready(source)
    expect(reading).toBeInstanceOf(Promise)
    release()
    await reading
    expect(reads('User:a')).toBe(false)
  })

  it('is read anew by the way before it is too old, by one of those who come', async () => {
    const { state, source, reads, set, pass, asked } = setup(snapshot(1, allowing('User:a')))
    await state.ready(source)
    set(snapshot(2))
    pass(SECURITY_REFRESH_MS)
    for (let times = 0; times < 10; times++) expect(state.ready(source)).toBeUndefined()
    expect(asked()).toBe(2)
    await new Promise((resolve) => setTimeout(resolve))
    expect(reads('User:a')).toBe(false)
    pass(SECURITY_CACHE_MS - 1)
    expect(state.ready(source)).toBeUndefined()
  })

  it('is read anew when the clock has gone back, and goes by that', async () => {
    const { state, source, reads, set, pass, asked } = setup(snapshot(1, allowing('User:a')))
    await state.ready(source)
    set(snapshot(2))
    pass(-3_600_000)
    await state.ready(source)
    expect(reads('User:a')).toBe(false)
    expect(state.ready(source)).toBeUndefined()
    expect(asked()).toBe(2)
  })

  it('counts as of when its reading began, however long that takes', async () => {
    const { state, source, set, pass, hold, release, reads } = setup(snapshot(1))
    hold()
    const reading = state.ready(source)
    pass(SECURITY_CACHE_MS)
    set(snapshot(2, allowing('User:a')))
    release()
    await reading
    const again = state.ready(source)
    expect(again).toBeInstanceOf(Promise)
    await again
    expect(reads('User:a')).toBe(true)
  })

  it('is read again at once where this isolate has changed it, during a reading too', async () => {
    const { state, source, set, hold, release, reads } = setup(snapshot(1))
    hold()
    const reading = state.ready(source)
    set(snapshot(2, allowing('User:a')))
    state.changed()
    release()
    await reading
    expect(reads('User:a')).toBe(false)
    await state.ready(source)
    expect(reads('User:a')).toBe(true)
    expect(state.ready(source)).toBeUndefined()
  })

  it('is not replaced by an answer that was overtaken', async () => {
    const { state, source, set, hold, pass, release, reads } = setup(snapshot(1))
    hold()
    const slow = state.ready(source)
    pass(1)
    const held = state.ready({
      security: async () => snapshot(2, allowing('User:a')),
    })
    await held
    set(snapshot(2, allowing('User:a')))
    release()
    await slow
    expect(reads('User:a')).toBe(true)
  })

  it('is asked for twice, and then nothing is decided', async () => {
    const { state, source, fail, asked } = setup(snapshot(1))
    fail(1)
    await state.ready(source)
    expect(asked()).toBe(2)
    state.changed()
    fail(2)
    await expect(state.ready(source)).rejects.toThrow('unreachable')
    await state.ready(source)
    expect(state.ready(source)).toBeUndefined()
  })

  it('keeps its rules where only users or quotas have changed', async () => {
    const first = snapshot(3, allowing('User:a'))
    const { state, source, set } = setup(first)
    await state.ready(source)
    const { authorizer } = state
    const quotas = [{ entity: { user: null }, values: { request_percentage: 1 } }]
    set({ ...first, version: 5, usersVersion: 4, quotasVersion: 5, quotas })
    state.changed()
    await state.ready(source)
    expect(state.authorizer).toBe(authorizer)
    expect([state.usersVersion, state.quotasVersion, state.quotas]).toEqual([4, 5, quotas])
  })
})

describe('the access of a secured broker', () => {
  it('allows nothing to who is nobody, unless they may be', async () => {
    const { state, source, access } = setup(snapshot(1, allowing('User:*')))
    await state.ready(source)
    const nobody = access(null)
    expect([nobody.principal, nobody.isAdmitted, nobody.isOpen]).toEqual([ANONYMOUS, false, false])
    expect(nobody.may(Operation.READ, Resource.TOPIC, 't')).toBe(false)
    expect(nobody.mayOnAny(Operation.READ, Resource.TOPIC)).toBe(false)
    expect(access(null, true).may(Operation.READ, Resource.TOPIC, 't')).toBe(true)
    expect(access(null, true).mayOnAny(Operation.READ, Resource.TOPIC)).toBe(true)
  })

  it('goes by whom it was last told, and by the newest rules', async () => {
    const { state, source, access, set } = setup(snapshot(1, allowing('User:a')))
    await state.ready(source)
    const one = access('User:a')
    const reads = () => one.may(Operation.READ, Resource.TOPIC, 't')
    expect(reads()).toBe(true)
    one.identify('User:b')
    expect(reads()).toBe(false)
    set(snapshot(2, allowing('User:b')))
    state.changed()
    await one.ready()
    expect(reads()).toBe(true)
    one.identify(ANONYMOUS)
    expect(reads()).toBe(false)
  })

  it('allows everything to the first user and to super users', async () => {
    const config = { 'super.users': 'User:root; User:other' }
    const settings = authorizerSettings({ config, secret: 's', user: 'first' })
    const state = new SecurityState(() => 0, settings)
    const source = { security: async () => null }
    for (const user of ['first', 'root', 'other', 'else'] as const) {
      const parts = { state, source, clientHost: '/::1', allowAnonymous: false }
      const access = new SecuredAccess(parts)
      access.identify(`User:${user}`)
      expect(access.may(Operation.ALTER, Resource.CLUSTER, CLUSTER_NAME)).toBe(user !== 'else')
    }
  })

  it('makes nobody a super user for the name alone where there is no secret', () => {
    const { superUsers } = authorizerSettings({
      config: {},
      secret: null,
      user: 'admin',
    })
    expect(superUsers.size).toBe(0)
  })
})

it('super users are so in each tenant, and where one is named with a tenant in that alone', () => {
  const config = {
    'ottla.tenants': 'acme, beta',
    'super.users': 'User:root; User:acme/owner ;User:other/one;Group:acme/x',
  }
  const environment = { config, secret: 's', user: 'first' }
  const named = (tenant?: string) => [...authorizerSettings(environment, tenant).superUsers].sort()
  // In main nobody is named with a tenant, and so nobody is meant.
  expect(named()).toEqual([
    'Group:acme/x',
    'User:acme/owner',
    'User:first',
    'User:other/one',
    'User:root',
  ])
  expect(named('beta')).toEqual(['User:first', 'User:other/one', 'User:root'])
  expect(named('acme')).toEqual([
    'Group:x',
    'User:first',
    'User:other/one',
    'User:owner',
    'User:root',
  ])
})
