import { describe, expect, it } from 'vitest'
import type { Environment } from '../../src/core/env.ts'
import { topicState } from '../broker/fakes.ts'
import { ADMIN, basic, SECRET, Secured } from './secured.ts'

const FOREIGN = 'https://evil.example'
const CONFIGURED = 'https://app.example'
const OWN = 'http://localhost:8080'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

const served = (more: Partial<Environment> = {}) =>
  new Secured([topicState('t')], { allowOrigins: [CONFIGURED], ...more })

/** The cookie of a browser that has signed in. */
async function cookie(broker: Secured): Promise<{ cookie: string }> {
  const body = `secret=${SECRET}`
  const headers = { ...FORM, 'content-length': String(body.length) }
  const answer = await broker.ask('POST', '/sign-in', { headers, body })
  return { cookie: (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '' }
}

const produce = (broker: Secured, headers: Record<string, string>) =>
  broker.ask('POST', '/v1/topics/t/records', { headers, body: { value: 'x' } })

describe('a request that changes something, with the cookie of who has signed in', () => {
  it.each<[string, Record<string, string>, number]>([
    ['of a page of this broker', { 'sec-fetch-site': 'same-origin', origin: OWN }, 200],
    ['of the address line', { 'sec-fetch-site': 'none' }, 200],
    ['of a browser that tells the origin alone', { origin: OWN }, 200],
    [
      'of another port of this machine',
      { 'sec-fetch-site': 'same-site', origin: 'http://localhost:3000' },
      403,
    ],
    ['of another site', { 'sec-fetch-site': 'cross-site', origin: FOREIGN }, 403],
    ['of a page that hides its origin', { 'sec-fetch-site': 'cross-site', origin: 'null' }, 403],
    [
      'of a configured origin, for which it is no credential',
      { 'sec-fetch-site': 'cross-site', origin: CONFIGURED },
      401,
    ],
    ['of who tells neither', {}, 403],
  ])('%s', async (_, told, status) => {
    const broker = served()
    const answer = await produce(broker, { ...(await cookie(broker)), ...told })
    expect(answer.status).toBe(status)
    expect(broker.broker.log('t').values()).toEqual(status === 200 ? ['x'] : [])
  })

  it('is not made by a form of another site, whatever it calls its body', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const broker = served()
      const answer = await broker.ask('POST', '/v1/topics/t/records', {
        headers: {
          ...(await cookie(broker)),
          'content-type': type,
          'sec-fetch-site': 'cross-site',
        },
        body: 'x',
      })
      expect(answer.status).toBe(401)
      expect(broker.broker.log('t').values()).toEqual([])
    }
  })
})

describe('a request with a credential that a script puts there', () => {
  it.each<[string, Record<string, string>, number]>([
    ['from a program', {}, 200],
    [
      'from a page of a configured origin',
      { 'sec-fetch-site': 'cross-site', origin: CONFIGURED },
      200,
    ],
    ['from another page', { 'sec-fetch-site': 'cross-site', origin: FOREIGN }, 403],
    [
      'from another port of this machine',
      { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:3000' },
      403,
    ],
  ])('%s', async (_, told, status) => {
    expect((await produce(served(), { ...ADMIN, ...told })).status).toBe(status)
    expect((await produce(served(), { ...basic('admin', SECRET), ...told })).status).toBe(status)
  })

  it('is not one that a browser remembers: Basic from who knows where', async () => {
    const headers = { ...basic('admin', SECRET), 'sec-fetch-site': 'cross-site' }
    expect((await produce(served(), headers)).status).toBe(403)
  })
})

describe('who presents nothing where that is allowed', () => {
  const WRITE = { operation: 'WRITE', resource: 'TOPIC' } as const
  const anonymous = () => {
    const broker = served({ allowAnonymous: true })
    broker.allow('User:ANONYMOUS', WRITE, 't')
    return broker
  }

  it('is ANONYMOUS, on whom the rules decide', async () => {
    expect((await produce(anonymous(), {})).status).toBe(200)
    expect((await anonymous().ask('GET', '/v1/topics/t/configs')).status).toBe(403)
    expect((await anonymous().ask('GET', '/v1/me')).body).toMatchObject({
      principal: 'User:ANONYMOUS',
    })
    expect((await produce(anonymous(), basic('admin', 'wrong'))).status).toBe(401)
  })

  it('is not the page of another site that asks in somebody’s network', async () => {
    expect((await produce(anonymous(), { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    const foreign = { 'sec-fetch-site': 'cross-site', origin: FOREIGN }
    expect((await produce(anonymous(), foreign)).status).toBe(403)
    const own = { 'sec-fetch-site': 'same-origin', origin: OWN }
    expect((await produce(anonymous(), own)).status).toBe(200)
  })

  it('is shown the form to sign in, and no token', async () => {
    const headers = { accept: 'text/html' }
    expect((await anonymous().ask('GET', '/sign-in', { headers })).text).toContain('<form')
    const body = { topics: ['t'], operations: ['WRITE'] }
    expect((await anonymous().ask('POST', '/v1/tokens', { body })).status).toBe(403)
  })
})

describe('an upgrade', () => {
  it.each<[string, Record<string, string>, number]>([
    ['of a page of this broker', { origin: OWN }, 426],
    ['of another page, whose browser adds the cookie', { origin: 'http://localhost:3000' }, 403],
    ['of a configured origin', { origin: CONFIGURED }, 401],
  ])('%s', async (_, told, status) => {
    const broker = served()
    const headers = { ...(await cookie(broker)), ...told }
    expect((await broker.ask('GET', '/v1/live', { headers })).status).toBe(status)
    expect((await broker.ask('GET', '/kafka', { headers })).status).toBe(status)
  })
})
