import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { brokerConfig } from '../../src/core/broker-configs.ts'
import { configDoc } from '../../src/core/config-docs.ts'
import { checkStaticConfigs } from '../../src/core/configs.ts'
import { readEnvironment } from '../../src/core/env.ts'
import { DEFAULT_TENANT, groupName, tenantOfName } from '../../src/core/ids.ts'
import { TENANTS_MAX } from '../../src/core/limits/security.ts'
import { NO_TENANTS, Tenants, tenantsOf } from '../../src/core/tenants.ts'

const TWO = new Tenants(['acme', 'b-2'])

describe('whose a user is', () => {
  it.each([
    // name, host's tenant, tenant and user
    ['alice', 'main', 'main', 'alice'],
    ['alice', 'acme', 'acme', 'alice'],
    ['acme/alice', 'main', 'acme', 'alice'],
    ['acme/alice', 'acme', 'acme', 'alice'],
    ['acme/team/alice', 'main', 'acme', 'team/alice'],
    ['acme/acme/alice', 'main', 'acme', 'acme/alice'],
    ['team/alice', 'main', 'main', 'team/alice'],
    ['team/alice', 'acme', 'acme', 'team/alice'],
    ['main/alice', 'main', 'main', 'main/alice'],
    ['main/alice', 'acme', 'acme', 'main/alice'],
    ['Acme/alice', 'main', 'main', 'Acme/alice'],
    ['/alice', 'main', 'main', '/alice'],
    ['acme', 'main', 'main', 'acme'],
    ['acme\0/alice', 'main', 'main', 'acme\0/alice'],
  ])('%s at the host of %s: of %s, %s', (name, home, tenant, user) => {
    expect(TWO.userOf(name, home)).toEqual({ tenant, user })
  })

  it.each([
    ['b-2/alice', 'acme'],
    ['acme/', 'main'],
    ['acme/', 'acme'],
  ])('%s at the host of %s: nobody', (name, home) => {
    expect(TWO.userOf(name, home)).toBeNull()
  })

  it('of a token is what it names, and main where it names none: a host adds nothing to it', () => {
    expect(TWO.subjectOf('alice')).toEqual({ tenant: 'main', user: 'alice' })
    expect(TWO.subjectOf('acme/alice')).toEqual({ tenant: 'acme', user: 'alice' })
    expect(TWO.subjectOf('acme/alice', 'acme')).toEqual({ tenant: 'acme', user: 'alice' })
    expect(TWO.subjectOf('alice', 'acme')).toBeNull()
    expect(TWO.subjectOf('b-2/alice', 'acme')).toBeNull()
  })

  it('is main where there are no tenants, whatever the name', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        expect(NO_TENANTS.userOf(name)).toEqual({ tenant: 'main', user: name })
      }),
    )
  })

  it('is never another tenant than the host, and its name is never lost', () => {
    const part = fc.constantFrom('acme', 'b-2', 'main', 'alice', '', '/', 'acme/')
    const names = fc.array(part, { maxLength: 5 }).map((parts) => parts.join('/'))
    fc.assert(
      fc.property(names, fc.constantFrom('acme', 'b-2', 'main'), (name, home) => {
        const who = TWO.userOf(name, home)
        if (who === null) return
        if (home !== DEFAULT_TENANT) expect(who.tenant).toBe(home)
        expect(TWO.has(who.tenant)).toBe(true)
        expect([who.user, `${who.tenant}/${who.user}`]).toContain(name)
        // Whoever is told the tenant and the name finds the same user.
        if (who.tenant !== DEFAULT_TENANT && who.user !== '') {
          expect(TWO.userOf(`${who.tenant}/${who.user}`)).toEqual(who)
        }
      }),
    )
  })
})

describe('whose a host is', () => {
  it.each([
    ['acme.localhost:8080', 'acme', 'localhost:8080'],
    ['ACME.Kafka.Example.Com', 'acme', 'Kafka.Example.Com'],
    ['b-2.kafka.example.com', 'b-2', 'kafka.example.com'],
    ['acme', 'acme', null],
    ['acme:8080', 'acme', null],
    ['localhost:8080', 'main', null],
    ['kafka.acme.example.com', 'main', null],
    ['acme-2.localhost', 'main', null],
    ['xacme.localhost', 'main', null],
    ['acme_.localhost', 'main', null],
    ['main.localhost', 'main', null],
    ['[::1]:8080', 'main', null],
    ['127.0.0.1', 'main', null],
    ['', 'main', null],
  ])('%j: %s', (host, tenant, behind) => {
    expect(TWO.ofHost(host)).toBe(tenant)
    expect(TWO.hostBehind(host)).toBe(behind)
    expect(NO_TENANTS.ofHost(host)).toBe('main')
  })
})

describe('ottla.tenants', () => {
  it('lists them, and is shown with what it means, for no one to change', () => {
    expect([...tenantsOf({ 'ottla.tenants': ' acme , b-2,a ' }).names]).toEqual([
      'acme',
      'b-2',
      'a',
    ])
    for (const config of [{}, { 'ottla.tenants': '' }]) expect(tenantsOf(config)).toBe(NO_TENANTS)
    expect(brokerConfig('ottla.tenants')).toMatchObject({ change: 'static', honoured: true })
    expect(configDoc('ottla.tenants', undefined)).toContain('Virtual clusters')
  })

  it.each([
    ['main', "Tenant 'main' is always there"],
    ['acme,acme', "Tenant 'acme' is listed twice"],
    ['acme,', "Tenant '' must be"],
    ['Acme', "Tenant 'Acme' must be"],
    ['a.b', "Tenant 'a.b' must be"],
    ['a/b', "Tenant 'a/b' must be"],
    ['-a', "Tenant '-a' must be"],
    ['a-', "Tenant 'a-' must be"],
    ['a'.repeat(33), 'must be 1 to 32'],
    [Array.from({ length: TENANTS_MAX + 1 }, (_, at) => `t${at}`).join(','), 'no more than 100'],
  ])('that is %s is refused: at the start, and by a deployment', (value, why) => {
    const values = { 'ottla.tenants': value }
    expect(checkStaticConfigs(values)).toEqual({ error: expect.stringContaining(why) })
    expect(() => readEnvironment({ OTTLA_CONFIG: values })).toThrow(why)
  })

  it('may be long', () => {
    const names = Array.from({ length: TENANTS_MAX }, (_, at) => `${at}`.padStart(32, 'x'))
    expect(checkStaticConfigs({ 'ottla.tenants': names.join(',') })).toHaveProperty('configs')
  })

  it('and the name of the first user do not get in each other’s way', () => {
    const named = (user: string) =>
      readEnvironment({ OTTLA_CONFIG: { 'ottla.tenants': 'acme' }, OTTLA_USER: user }).user
    expect(named('team/root')).toBe('team/root')
    expect(() => named('acme/root')).toThrow("OTTLA_USER must not begin with a tenant's name")
    expect(() => named('acme/')).toThrow('OTTLA_USER')
  })
})

it("an object's tenant is what its name begins with; of a name it is not told it is main", () => {
  expect(tenantOfName(groupName('a/b', 'acme'))).toBe('acme')
  expect(tenantOfName(groupName('acme/b'))).toBe('main')
  expect(tenantOfName(undefined)).toBe('main')
})
