// What a refusal says would allow what was refused: the command as it is typed, understood by the command line's own reader.

import { describe, expect, it } from 'vitest'
import { allowCommand } from '../../src/http/allow-command.ts'
import { topicState } from '../broker/fakes.ts'
import { ADMIN, basic, Secured } from './secured.ts'

describe('the command that allows it', () => {
  it.each([
    ['User:bob', 'TOPIC', 'orders', 'ottla acls allow bob READ --topic orders'],
    ['User:bob', 'GROUP', 'billing', 'ottla acls allow bob READ --group billing'],
    ['User:bob', 'CLUSTER', 'kafka-cluster', 'ottla acls allow bob READ --cluster'],
    ['User:bob', 'TRANSACTIONAL_ID', 't', 'ottla acls allow bob READ --transactional-id t'],
    ['User:CN=a b', 'TOPIC', '-x', "ottla acls allow 'CN=a b' READ --topic=-x"],
    ['User:-v', 'GROUP', "it's $(rm)", `ottla acls allow User:-v READ --group 'it'\\''s $(rm)'`],
    ['User:bob', 'USER', 'eve', null],
  ] as const)('for %s and %s %s', (principal, resource, name, command) => {
    expect(allowCommand(principal, { operation: 'READ', resource }, name)).toBe(command)
  })
})

describe('a refusal over HTTP', () => {
  const asked = async (method: string, path: string, body?: unknown) => {
    const broker = new Secured([topicState('orders')])
    await broker.setUser('bob', 'pw')
    broker.allow('User:bob', { resource: 'TOPIC', operation: 'DESCRIBE' }, 'orders')
    const headers = basic('bob', 'pw')
    return (await broker.ask(method, path, { headers, body })).body
  }

  it.each([
    ['GET', '/v1/topics/orders/partitions/0/records', undefined, 'READ --topic orders'],
    ['GET', '/v1/groups/billing', undefined, 'DESCRIBE --group billing'],
    ['GET', '/v1/overview', undefined, 'DESCRIBE --cluster'],
    ['GET', '/v1/topics/orders/configs', undefined, 'DESCRIBE_CONFIGS --topic orders'],
    ['POST', '/v1/topics/orders/records', { value: 1 }, 'WRITE --topic orders'],
    ['POST', '/v1/topics', { name: 'new' }, 'CREATE --topic new'],
    ['PATCH', '/v1/topics/orders', { partitions: 9 }, 'ALTER --topic orders'],
    [
      'PATCH',
      '/v1/topics/orders',
      { configs: { 'retention.ms': 1 } },
      'ALTER_CONFIGS --topic orders',
    ],
    ['DELETE', '/v1/topics/orders', undefined, 'DELETE --topic orders'],
  ] as const)('%s %s says the command to paste', async (method, path, body, end) => {
    const problem = await asked(method, path, body)
    expect(problem).toMatchObject({ status: 403 })
    expect(problem.detail).toContain('User:bob is not allowed ')
    expect(problem.detail).toContain(`\`ottla acls allow bob ${end}\` allows it`)
  })

  it('of what a token is not for says so: no rule would help', async () => {
    const broker = new Secured([topicState('orders')])
    const wanted = { topics: ['orders'], operations: ['READ'] }
    const { body } = await broker.ask('POST', '/v1/tokens', { headers: ADMIN, body: wanted })
    const headers = { authorization: `Bearer ${body.token}` }
    const refused = await broker.ask('POST', '/v1/topics/orders/records', {
      headers,
      body: { value: 1 },
    })
    expect(refused.status).toBe(403)
    expect(refused.body.detail).toContain('by this token')
    expect(refused.body.detail).not.toContain('ottla acls')
  })
})
