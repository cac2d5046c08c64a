// The decider: what each kind of rule says, and, against a naive twin that goes through all rules for each question,
// that looking them up says the same.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  DECISION_CHARACTERS,
  DECISIONS_PER_PRINCIPAL,
  DECISIONS_REMEMBERED,
  PRINCIPALS_REMEMBERED,
} from '../../src/core/limits/authorisation.ts'
import { Operation, Resource } from '../../src/security/access.ts'
import {
  type AclBinding,
  ALL_OPERATIONS,
  Authorizer,
  type AuthorizerSettings,
  PatternType,
  Permission,
  superUsersOf,
} from '../../src/security/acl.ts'
import type { Principal } from '../../src/security/principal.ts'

const CLOSED: AuthorizerSettings = { superUsers: new Set(), allowEveryoneIfNoAclFound: false }
const HOST = '/10.0.0.1'

function rule(change: Partial<AclBinding> = {}): AclBinding {
  return {
    resourceType: Resource.TOPIC,
    resourceName: 'orders',
    patternType: PatternType.LITERAL,
    principal: 'User:alice',
    host: '*',
    operation: Operation.READ,
    permissionType: Permission.ALLOW,
    ...change,
  }
}

const prefixed = { patternType: PatternType.PREFIXED }
const denied = { permissionType: Permission.DENY }

function alice(rules: readonly AclBinding[], settings = CLOSED) {
  return new Authorizer(rules, settings).grants('User:alice', HOST)
}

describe('a rule', () => {
  const { READ, WRITE, DESCRIBE, ALTER, DELETE, DESCRIBE_CONFIGS, ALTER_CONFIGS } = Operation

  it('is about one operation, one resource, one user', () => {
    const authorizer = new Authorizer([rule()], CLOSED)
    const mine = authorizer.grants('User:alice', HOST)
    expect(mine.may(READ, Resource.TOPIC, 'orders')).toBe(true)
    expect(mine.may(WRITE, Resource.TOPIC, 'orders')).toBe(false)
    expect(mine.may(READ, Resource.TOPIC, 'order')).toBe(false)
    expect(mine.may(READ, Resource.TOPIC, 'orders2')).toBe(false)
    expect(mine.may(READ, Resource.GROUP, 'orders')).toBe(false)
    expect(authorizer.grants('User:bob', HOST).may(READ, Resource.TOPIC, 'orders')).toBe(false)
  })

  it.each([READ, WRITE, DELETE, ALTER])('allowing operation %i allows to describe', (operation) => {
    const mine = alice([rule({ operation })])
    expect(mine.may(DESCRIBE, Resource.TOPIC, 'orders')).toBe(true)
    expect(mine.may(DESCRIBE_CONFIGS, Resource.TOPIC, 'orders')).toBe(false)
  })

  it('allowing to alter configurations allows to describe them, and not the resource', () => {
    const mine = alice([rule({ operation: ALTER_CONFIGS })])
    expect(mine.may(DESCRIBE_CONFIGS, Resource.TOPIC, 'orders')).toBe(true)
    expect(mine.may(DESCRIBE, Resource.TOPIC, 'orders')).toBe(false)
  })

  it('that denies an operation denies nothing with it', () => {
    const mine = alice([rule({ operation: DESCRIBE }), rule({ ...denied })])
    expect(mine.may(DESCRIBE, Resource.TOPIC, 'orders')).toBe(true)
    expect(mine.may(READ, Resource.TOPIC, 'orders')).toBe(false)
  })

  it('that denies wins over any that allows, wherever it is', () => {
    const allowed = [
      rule(),
      rule({ resourceName: '*' }),
      rule({ ...prefixed, resourceName: 'ord' }),
    ]
    const denials = [
      rule(denied),
      rule({ ...denied, resourceName: '*' }),
      rule({ ...denied, ...prefixed, resourceName: 'o' }),
      rule({ ...denied, principal: 'User:*' }),
      rule({ ...denied, operation: ALL_OPERATIONS }),
      rule({ ...denied, host: '10.0.0.1' }),
    ]
    expect(alice(allowed).may(READ, Resource.TOPIC, 'orders')).toBe(true)
    for (const denial of denials) {
      expect(alice([...allowed, denial]).may(READ, Resource.TOPIC, 'orders')).toBe(false)
    }
  })

  it('about a name of one star is about every name; about a prefix of one star it is a prefix', () => {
    expect(alice([rule({ resourceName: '*' })]).may(READ, Resource.TOPIC, 'x')).toBe(true)
    const star = alice([rule({ ...prefixed, resourceName: '*' })])
    expect(star.may(READ, Resource.TOPIC, 'x')).toBe(false)
    expect(star.may(READ, Resource.TOPIC, '*x')).toBe(true)
  })

  it('about a host is about clients from there, however it is spelled', () => {
    const hosts = ['10.0.0.1', '::1', '0:0:0:0:0:0:0:1']
    const from = (host: string, client: string) =>
      new Authorizer([rule({ host })], CLOSED)
        .grants('User:alice', client)
        .may(READ, Resource.TOPIC, 'orders')
    expect(hosts.map((host) => from(host, '/10.0.0.1'))).toEqual([true, false, false])
    expect(hosts.map((host) => from(host, '/::1'))).toEqual([false, true, true])
    expect(hosts.map((host) => from(host, '/::ffff:10.0.0.1'))).toEqual([true, false, false])
  })
})

describe('settings', () => {
  it('let super users do everything, denied or not', () => {
    const settings = { ...CLOSED, superUsers: superUsersOf(' User:root;User:alice ; ') }
    const mine = alice([rule(denied)], settings)
    expect(mine.may(Operation.READ, Resource.TOPIC, 'orders')).toBe(true)
    expect(mine.mayOnAny(Operation.WRITE, Resource.TOPIC)).toBe(true)
  })

  it('let everybody do everything with what no rule is about, of whomever', () => {
    const open = { ...CLOSED, allowEveryoneIfNoAclFound: true }
    const mine = alice([rule({ principal: 'User:bob' })], open)
    expect(mine.may(Operation.WRITE, Resource.TOPIC, 'other')).toBe(true)
    expect(mine.may(Operation.READ, Resource.TOPIC, 'orders')).toBe(false)
    const ruled = alice([rule({ principal: 'User:bob', resourceName: '*' })], open)
    expect(ruled.may(Operation.WRITE, Resource.TOPIC, 'other')).toBe(false)
  })

  it('name super users as principals', () => {
    expect(() => superUsersOf('alice')).toThrow("expected a principal as User:name, got 'alice'")
    expect(superUsersOf('')).toEqual(new Set())
  })
})

describe('any resource of a type', () => {
  const ask = (...rules: readonly Partial<AclBinding>[]) =>
    alice(rules.map(rule)).mayOnAny(Operation.READ, Resource.TOPIC)

  it('is one that a pattern allows and no other denies as a whole', () => {
    expect(ask({})).toBe(true)
    expect(ask({}, denied)).toBe(false)
    expect(ask({}, { ...denied, resourceName: 'other' })).toBe(true)
    expect(ask({}, { ...denied, ...prefixed, resourceName: 'ord' })).toBe(false)
    expect(ask({ ...prefixed, resourceName: 'ord' }, denied)).toBe(true)
    expect(ask({ resourceName: '*' }, { ...denied, ...prefixed, resourceName: 'o' })).toBe(true)
    expect(ask({ resourceName: '*' }, { ...denied, resourceName: '*' })).toBe(false)
    expect(ask({}, { ...denied, resourceName: '*', principal: 'User:*' })).toBe(false)
    expect(ask({}, { ...denied, resourceName: '*', principal: 'User:bob' })).toBe(true)
    expect(ask({ host: '10.0.0.2' })).toBe(false)
  })
})

describe('remembering', () => {
  it('ends where there are too many names or too many who ask', () => {
    const authorizer = new Authorizer([rule({ ...prefixed, resourceName: 'a' })], CLOSED)
    for (let at = 0; at < PRINCIPALS_REMEMBERED + 2; at++) {
      const who = `User:${at % 2 === 0 ? 'alice' : at}` as Principal
      expect(authorizer.grants(who, HOST).may(Operation.READ, Resource.TOPIC, 'a')).toBe(
        at % 2 === 0,
      )
    }
    const mine = authorizer.grants('User:alice', HOST)
    for (let at = 0; at < DECISIONS_PER_PRINCIPAL * 2 + 2; at++) {
      const name = `${at % 2 === 0 ? 'a' : 'b'}${at}`
      expect(mine.may(Operation.READ, Resource.TOPIC, name)).toBe(at % 2 === 0)
    }
  })
})

/** Every rule is looked at for every question, in the order in which Kafka's documentation tells it. */
function twin(
  rules: readonly AclBinding[],
  { superUsers, allowEveryoneIfNoAclFound }: AuthorizerSettings,
  asked: {
    principal: string
    host: string
    operation: Operation
    resource: Resource
    name: string
  },
): boolean {
  if (superUsers.has(asked.principal)) return true
  const about = rules.filter(
    ({ resourceType, resourceName, patternType }) =>
      resourceType === asked.resource &&
      (patternType === PatternType.PREFIXED
        ? asked.name.startsWith(resourceName)
        : resourceName === asked.name || resourceName === '*'),
  )
  if (about.length === 0) return allowEveryoneIfNoAclFound
  const meant = about.filter(
    ({ principal, host }) =>
      (principal === asked.principal || principal === 'User:*') &&
      (host === asked.host || host === '*'),
  )
  const says = (rule: AclBinding) => {
    if (rule.operation === ALL_OPERATIONS || rule.operation === asked.operation) return true
    if (rule.permissionType === Permission.DENY) return false
    const { READ, WRITE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS } = Operation
    if (asked.operation === DESCRIBE)
      return new Set<number>([READ, WRITE, DELETE, ALTER]).has(rule.operation)
    return asked.operation === DESCRIBE_CONFIGS && rule.operation === ALTER_CONFIGS
  }
  const saying = meant.filter(says)
  if (saying.some(({ permissionType }) => permissionType === Permission.DENY)) return false
  return saying.length > 0
}

const name = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 3 })
const resource = fc.constantFrom(Resource.TOPIC, Resource.GROUP)
const operation = fc.constantFrom(...Object.values(Operation))
const principal = fc.constantFrom<Principal>('User:a', 'User:b', 'User:c')
const host = fc.constantFrom('1.1.1.1', '2.2.2.2')
const binding: fc.Arbitrary<AclBinding> = fc.record({
  resourceType: resource,
  resourceName: fc.oneof(name, fc.constant('*')),
  patternType: fc.constantFrom(...Object.values(PatternType)),
  principal: fc.oneof(principal, fc.constant('User:*')),
  host: fc.oneof(host, fc.constant('*')),
  operation: fc.oneof(operation, fc.constant(ALL_OPERATIONS as typeof ALL_OPERATIONS)),
  permissionType: fc.constantFrom(...Object.values(Permission)),
})
const settings = fc.record({
  superUsers: fc.subarray(['User:c']).map((users) => new Set(users)),
  allowEveryoneIfNoAclFound: fc.boolean(),
})

describe('against a naive twin', () => {
  it('says the same of every question, asked once and again', () => {
    fc.assert(
      fc.property(
        fc.array(binding, { maxLength: 12 }),
        settings,
        fc.array(fc.record({ principal, host, operation, resource, name }), {
          minLength: 20,
          maxLength: 20,
        }),
        (rules, set, questions) => {
          const authorizer = new Authorizer(rules, set)
          for (const asked of [...questions, ...questions]) {
            const grants = authorizer.grants(asked.principal, `/${asked.host}`)
            const may = grants.may(asked.operation, asked.resource, asked.name)
            expect(may).toBe(twin(rules, set, asked))
          }
        },
      ),
      { numRuns: 400 },
    )
  })

  it('any resource of a type is allowed where the twin allows one, of rules that imply nothing and leave no gaps', () => {
    // Kafka looks at patterns, not at names: a prefix of which every name is denied one by one counts as allowed.
    const names = ['a', 'b', 'aa', 'ab', 'ba', 'bb', 'aaa', 'z9', 'hardcode']
    const literal = binding.map((made) => ({
      ...made,
      operation: Operation.WRITE,
      patternType: PatternType.LITERAL,
      resourceName: names.includes(made.resourceName) ? made.resourceName : 'a',
    }))
    fc.assert(
      fc.property(fc.array(literal, { maxLength: 8 }), principal, host, (rules, who, from) => {
        const asked = {
          principal: who,
          host: from,
          operation: Operation.WRITE,
          resource: Resource.TOPIC,
        }
        const expected = names.some((one) => twin(rules, CLOSED, { ...asked, name: one }))
        const grants = new Authorizer(rules, CLOSED).grants(who, from)
        expect(grants.mayOnAny(Operation.WRITE, Resource.TOPIC)).toBe(expected)
      }),
      { numRuns: 400 },
    )
  })
})

describe('what is remembered', () => {
  it('is nothing of names that no topic can have', () => {
    const grants = alice([rule()])
    for (let at = 0; at < 300; at++) {
      expect(grants.may(Operation.READ, Resource.GROUP, `${at}`.padEnd(32_000, 'x'))).toBe(false)
    }
    expect(grants.may(Operation.READ, Resource.TOPIC, 'orders')).toBe(true)
    expect(grants.remembered).toEqual(['orders'])
    grants.may(Operation.READ, Resource.GROUP, 'x'.repeat(DECISION_CHARACTERS))
    expect(grants.remembered).toHaveLength(2)
  })

  it('is bounded for all principals and addresses together', () => {
    const authorizer = new Authorizer([rule()], CLOSED)
    const all = Array.from({ length: 400 }, (_, at) =>
      authorizer.grants('User:alice', `10.0.0.${at}`),
    )
    for (let name = 0; name < 100; name++) {
      for (const grants of all) grants.may(Operation.READ, Resource.TOPIC, `topic-${name}`)
    }
    const kept = all.reduce((sum, { remembered }) => sum + remembered.length, 0)
    expect(kept).toBeGreaterThan(0)
    expect(kept).toBeLessThanOrEqual(DECISIONS_REMEMBERED)
    expect(all.every((grants) => grants.may(Operation.READ, Resource.TOPIC, 'orders'))).toBe(true)
  })
})
