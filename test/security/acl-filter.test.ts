// Which rules a filter of DescribeAcls or DeleteAcls means.

import { describe, expect, it } from 'vitest'
import { Operation, Resource } from '../../src/security/access.ts'
import { type AclBinding, PatternType, Permission } from '../../src/security/acl.ts'
import { type AclFilter, ANY, isMeant, MATCHING_PATTERNS } from '../../src/security/acl-filter.ts'

const EVERY: AclFilter = {
  resourceType: ANY,
  resourceName: null,
  patternType: ANY,
  principal: null,
  host: null,
  operation: ANY,
  permissionType: ANY,
}

const RULE: AclBinding = {
  resourceType: Resource.TOPIC,
  resourceName: 'orders',
  patternType: PatternType.LITERAL,
  principal: 'User:alice',
  host: '*',
  operation: Operation.READ,
  permissionType: Permission.ALLOW,
}

const PREFIX: AclBinding = { ...RULE, patternType: PatternType.PREFIXED, resourceName: 'ord' }
const STAR: AclBinding = { ...RULE, resourceName: '*' }

describe('a filter', () => {
  it('that leaves all open means every rule', () => {
    expect(isMeant(RULE, EVERY)).toBe(true)
    expect(isMeant(PREFIX, EVERY)).toBe(true)
  })

  it.each<[keyof AclFilter, AclFilter[keyof AclFilter]]>([
    ['resourceType', Resource.GROUP],
    ['resourceName', 'other'],
    ['patternType', PatternType.PREFIXED],
    ['principal', 'User:bob'],
    ['host', '10.0.0.1'],
    ['operation', Operation.WRITE],
    ['permissionType', Permission.DENY],
  ])('with another %s does not mean the rule, with its own it does', (field, other) => {
    expect(isMeant(RULE, { ...EVERY, [field]: other })).toBe(false)
    expect(isMeant(RULE, { ...EVERY, [field]: RULE[field] })).toBe(true)
  })

  it('of a pattern by name means that name alone, whatever its kind', () => {
    const named = { ...EVERY, resourceName: 'orders' }
    expect([RULE, PREFIX, STAR].map((rule) => isMeant(rule, named))).toEqual([true, false, false])
  })

  it('of patterns that match means all that have the name in them', () => {
    const matching = { ...EVERY, patternType: MATCHING_PATTERNS }
    const named = { ...matching, resourceName: 'orders' }
    expect([RULE, PREFIX, STAR].map((rule) => isMeant(rule, named))).toEqual([true, true, true])
    const other = { ...matching, resourceName: 'order' }
    expect([RULE, PREFIX, STAR].map((rule) => isMeant(rule, other))).toEqual([false, true, true])
    const shorter = { ...matching, resourceName: 'or' }
    expect([RULE, PREFIX, STAR].map((rule) => isMeant(rule, shorter))).toEqual([false, false, true])
    expect([RULE, PREFIX, STAR].map((rule) => isMeant(rule, matching))).toEqual([true, true, true])
  })
})
