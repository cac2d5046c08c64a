// What of HTTP's answers is written down, of whom.

import { describe, expect, it } from 'vitest'
import type { AuditEvent } from '../../src/broker/audit.ts'
import { topicState } from '../broker/fakes.ts'
import { basic, bearer, Secured } from './secured.ts'

/** A broker whose audit log is a list. */
async function served() {
  const broker = new Secured([topicState('orders')])
  await broker.setUser('alice', 'of alice')
  const events: AuditEvent[] = []
  broker.audit = {
    tell: async (event) => void events.push(event),
    note: (event) => void events.push(event),
  }
  return { broker, events }
}

describe('a login that is refused over HTTP', () => {
  it('is written down with the name that was given', async () => {
    const { broker, events } = await served()
    expect((await broker.ask('GET', '/v1/topics', { headers: basic('alice', 'no') })).status).toBe(
      401,
    )
    await broker.ask('GET', '/v1/topics', { headers: bearer('no') })
    const form = new URLSearchParams({ username: 'bob', secret: 'no' }).toString()
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(form.length),
      'sec-fetch-site': 'same-origin',
    }
    const signIn = await broker.ask('POST', '/sign-in', { headers, body: form })
    expect(signIn.status).toBe(401)
    expect(events.map(({ event, principal }) => [event, principal])).toEqual([
      ['login-refused', 'User:alice'],
      ['login-refused', 'User:ANONYMOUS'],
      ['login-refused', 'User:bob'],
    ])
  })
})

describe('a page of records', () => {
  it('that a browser may keep is not for who signs in to it next', async () => {
    const { broker } = await served()
    broker.allow('User:alice', { operation: 'READ', resource: 'TOPIC' }, 'orders')
    const path = '/v1/topics/orders/partitions/0/records'
    const { status, headers } = await broker.ask('GET', path, {
      headers: basic('alice', 'of alice'),
    })
    expect(status).toBe(200)
    expect(headers.get('vary')).toMatch(/Authorization, Cookie/)
  })
})
