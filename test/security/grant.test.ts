import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Operation, Resource } from '../../src/security/access.ts'
import { type Grant, grantAllows, grantAllowsOnAny } from '../../src/security/grant.ts'

const { READ, WRITE, DESCRIBE } = Operation
const { TOPIC, GROUP, CLUSTER } = Resource

const GRANT: Grant = { topics: ['orders', 'log-*'], operations: ['READ'], groups: ['billing'] }
const WRITING: Grant = { ...GRANT, operations: ['WRITE'] }

describe('a grant', () => {
  it.each([
    [GRANT, READ, TOPIC, 'orders', true],
    [GRANT, DESCRIBE, TOPIC, 'orders', true],
    [GRANT, WRITE, TOPIC, 'orders', false],
    [GRANT, READ, TOPIC, 'orders2', false],
    [GRANT, READ, TOPIC, 'order', false],
    [GRANT, READ, TOPIC, 'log-', true],
    [GRANT, READ, TOPIC, 'log-a', true],
    [GRANT, READ, TOPIC, 'log', false],
    [GRANT, READ, GROUP, 'billing', true],
    [GRANT, DESCRIBE, GROUP, 'billing', true],
    [GRANT, READ, GROUP, 'orders', false],
    [GRANT, READ, CLUSTER, 'kafka-cluster', false],
    [GRANT, DESCRIBE, CLUSTER, 'kafka-cluster', false],
    [WRITING, WRITE, TOPIC, 'orders', true],
    [WRITING, DESCRIBE, TOPIC, 'orders', true],
    [WRITING, READ, TOPIC, 'orders', false],
    [WRITING, DESCRIBE, GROUP, 'billing', false],
    [WRITING, WRITE, GROUP, 'billing', false],
  ] as const)('%j, operation %i on resource %i %s: %s', (grant, operation, resource, name, is) => {
    expect(grantAllows(grant, operation, resource, name)).toBe(is)
  })

  it('is of topics and groups, and of reading, writing and describing them, alone', () => {
    const all: Grant = { topics: ['*'], operations: ['READ', 'WRITE'], groups: ['*'] }
    const anything = fc.constantFrom(...Object.values(Operation))
    fc.assert(
      fc.property(
        anything,
        fc.constantFrom(...Object.values(Resource)),
        fc.string(),
        (operation, resource, name) => {
          const isMeant = resource === TOPIC || resource === GROUP
          const isKnown =
            operation === READ ||
            operation === DESCRIBE ||
            (operation === WRITE && resource === TOPIC)
          expect(grantAllows(all, operation, resource, name)).toBe(isMeant && isKnown)
          // What is allowed on one is allowed on any.
          if (grantAllows(all, operation, resource, name)) {
            expect(grantAllowsOnAny(all, operation, resource)).toBe(true)
          }
        },
      ),
    )
  })

  it('of nothing allows nothing on any', () => {
    const nothing: Grant = { topics: [], operations: ['READ', 'WRITE'], groups: [] }
    for (const operation of Object.values(Operation)) {
      expect(grantAllowsOnAny(nothing, operation, TOPIC)).toBe(false)
      expect(grantAllowsOnAny(nothing, operation, GROUP)).toBe(false)
    }
  })
})
