// Whose somebody is over HTTP: by the host, by the name of a user, by what was given out at either.

import { describe, expect, it } from 'vitest'
import { Tenants } from '../../src/core/tenants.ts'
import { homeOf, judge } from '../../src/http/gate.ts'
import { topicState } from '../broker/fakes.ts'
import { LOCAL } from './fakes.ts'
import { ADMIN, type Asking, basic, bearer, Secured } from './secured.ts'

const tenants = new Tenants(['acme', 'beta'])
const ACME = 'http://acme.localhost:8080'
const BETA = 'http://beta.localhost:8080'
const MAIN = 'http://localhost:8080'

/** In each tenant an alice with a password of her own. */
async function served(more: ConstructorParameters<typeof Secured>[1] = {}): Promise<Secured> {
  const broker = new Secured([topicState('orders')], { tenants, ...more })
  await broker.setUser('alice', 'of main')
  await broker.setUser('alice', 'of acme', 'acme')
  await broker.setUser('alice', 'of beta', 'beta')
  broker.allow('User:alice', { operation: 'READ', resource: 'TOPIC' }, 'orders')
  return broker
}

/** Of whom the broker takes the asker for; the status where it lets nobody in. */
async function whoIs(broker: Secured, base: string, headers: Asking['headers'] = {}) {
  const { status, body } = await broker.ask('GET', '/v1/me', { headers, base })
  return status === 200 ? `${body.tenant ?? 'main'}/${body.principal}` : status
}

describe('a password', () => {
  it.each([
    [MAIN, 'alice', 'of main', 'main/User:alice'],
    [MAIN, 'acme/alice', 'of acme', 'acme/User:alice'],
    [ACME, 'alice', 'of acme', 'acme/User:alice'],
    [ACME, 'acme/alice', 'of acme', 'acme/User:alice'],
    ['http://ACME.localhost', 'alice', 'of acme', 'acme/User:alice'],
    [MAIN, 'alice', 'of acme', 401],
    [MAIN, 'acme/alice', 'of main', 401],
    [MAIN, 'acme/alice', 'of beta', 401],
    [MAIN, 'gamma/alice', 'of main', 401],
    [MAIN, 'acme/', 'of acme', 401],
    [ACME, 'alice', 'of main', 401],
    [ACME, 'beta/alice', 'of beta', 401],
    [ACME, 'main/alice', 'of main', 401],
    [BETA, 'acme/alice', 'of acme', 401],
  ])('at %s of %s, %s: %s', async (base, user, password, expected) => {
    expect(await whoIs(await served(), base, basic(user, password))).toBe(expected)
  })

  it('of another tenant than the host is refused in the words, and at the cost, of a wrong one', async () => {
    const broker = await served()
    const refused = async (user: string, password: string) => {
      const before = broker.checked
      const { status, text } = await broker.ask('GET', '/v1/me', {
        headers: basic(user, password),
        base: ACME,
      })
      return [status, text, broker.checked - before]
    }
    const wrong = await refused('alice', 'wrong')
    expect(wrong[2]).toBe(1)
    expect(await refused('beta/alice', 'of beta')).toEqual(wrong)
    expect(await refused('nobody', 'of beta')).toEqual(wrong)
  })

  it('that was right in one tenant is remembered for that alone', async () => {
    const broker = await served()
    expect(await whoIs(broker, ACME, basic('alice', 'of acme'))).toBe('acme/User:alice')
    expect(await whoIs(broker, MAIN, basic('alice', 'of acme'))).toBe(401)
    expect(await whoIs(broker, BETA, basic('alice', 'of acme'))).toBe(401)
  })
})

describe('the secret', () => {
  it('is of the super user of the host’s tenant, and as a password of whichever is named', async () => {
    const broker = await served()
    const secret = ADMIN.authorization.slice('Bearer '.length)
    expect(await whoIs(broker, MAIN, ADMIN)).toBe('main/User:admin')
    expect(await whoIs(broker, ACME, ADMIN)).toBe('acme/User:admin')
    expect(await whoIs(broker, MAIN, basic('beta/admin', secret))).toBe('beta/User:admin')
    expect(await whoIs(broker, ACME, basic('beta/admin', secret))).toBe(401)
    const { body } = await broker.ask('GET', '/v1/me', { headers: ADMIN, base: ACME })
    expect(body.cluster).toContain('ALTER')
  })
})

describe('a token', () => {
  const body = { topics: ['orders'], operations: ['READ'] }
  const made = async (broker: Secured, base: string, headers: Asking['headers']) => {
    const answer = await broker.ask('POST', '/v1/tokens', { headers: headers ?? {}, body, base })
    expect(answer.status).toBe(201)
    return bearer(answer.body.token)
  }

  it('made at a tenant’s host is that tenant’s, there and nowhere else', async () => {
    const broker = await served()
    const token = await made(broker, ACME, basic('alice', 'of acme'))
    expect(await whoIs(broker, ACME, token)).toBe('acme/User:alice')
    expect(await whoIs(broker, MAIN, token)).toBe(401)
    expect(await whoIs(broker, BETA, token)).toBe(401)
    const events = `/v1/topics/orders/events?token=${token.authorization.slice('Bearer '.length)}`
    expect((await broker.ask('GET', events, { base: BETA })).status).toBe(401)
  })

  it('of main is no tenant’s, and of a tenant’s user no other’s', async () => {
    const broker = await served()
    const ofMain = await made(broker, MAIN, basic('alice', 'of main'))
    expect(await whoIs(broker, MAIN, ofMain)).toBe('main/User:alice')
    expect(await whoIs(broker, ACME, ofMain)).toBe(401)
    const ofAcme = await made(broker, MAIN, basic('acme/alice', 'of acme'))
    expect(await whoIs(broker, MAIN, ofAcme)).toBe('acme/User:alice')
    expect(await whoIs(broker, BETA, ofAcme)).toBe(401)
  })

  it('ends with its own user’s password, and not with a namesake’s', async () => {
    const broker = await served()
    const ofAcme = await made(broker, ACME, basic('alice', 'of acme'))
    await broker.setUser('alice', 'another')
    expect(await whoIs(broker, ACME, ofAcme)).toBe('acme/User:alice')
    await broker.setUser('alice', 'another', 'acme')
    expect(await whoIs(broker, ACME, ofAcme)).toBe(401)
  })

  it('of a tenant that is taken off the list is nobody’s', async () => {
    const broker = await served()
    const token = await made(broker, MAIN, basic('acme/alice', 'of acme'))
    const later = await served({ tenants: new Tenants(['beta']) })
    await later.setUser('acme/alice', 'of acme')
    expect(await whoIs(later, MAIN, token)).toBe(401)
    // The name is one of main's again.
    expect(await whoIs(later, MAIN, basic('acme/alice', 'of acme'))).toBe('main/User:acme/alice')
    expect(await whoIs(later, ACME, basic('alice', 'of main'))).toBe('main/User:alice')
  })
})

describe('a sign-in', () => {
  const form = (broker: Secured, base: string, user: string, secret: string) => {
    const body = new URLSearchParams({ username: user, secret, next: '/' }).toString()
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(body.length),
      'sec-fetch-site': 'same-origin',
    }
    return broker.fetch('POST', '/sign-in', { headers, body, base })
  }
  const cookieOf = async (response: Response) => {
    expect(response.status).toBe(303)
    const cookie = (response.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
    expect(cookie).not.toContain('Domain')
    return { cookie, 'sec-fetch-site': 'same-origin' }
  }

  it('is to the host’s tenant or to the one that is named, and its cookie is good there alone', async () => {
    const broker = await served()
    const atAcme = await cookieOf(await form(broker, ACME, 'alice', 'of acme'))
    expect(await whoIs(broker, ACME, atAcme)).toBe('acme/User:alice')
    expect(await whoIs(broker, MAIN, atAcme)).toBe(401)
    expect(await whoIs(broker, BETA, atAcme)).toBe(401)
    const atMain = await cookieOf(await form(broker, MAIN, 'acme/alice', 'of acme'))
    expect(await whoIs(broker, MAIN, atMain)).toBe('acme/User:alice')
    expect(await whoIs(broker, ACME, atMain)).toBe(401)
    const plain = await cookieOf(await form(broker, MAIN, 'alice', 'of main'))
    expect(await whoIs(broker, MAIN, plain)).toBe('main/User:alice')
    expect(await whoIs(broker, ACME, plain)).toBe(401)
    expect((await form(broker, BETA, 'acme/alice', 'of acme')).status).toBe(401)
  })

  it('of a cookie whose tenant was changed by hand is nobody’s', async () => {
    const broker = await served()
    const { cookie } = await cookieOf(await form(broker, MAIN, 'acme/alice', 'of acme'))
    expect(cookie).toContain('2.acme~')
    for (const changed of ['2.beta~', '2.', '2.main~']) {
      const headers = { cookie: cookie.replace('2.acme~', changed), 'sec-fetch-site': 'none' }
      expect(await whoIs(broker, MAIN, headers)).toBe(401)
    }
  })
})

it('whoever shows nothing is ANONYMOUS of the host’s tenant, where that is allowed', async () => {
  const broker = await served({ allowAnonymous: true })
  expect(await whoIs(broker, ACME)).toBe('acme/User:ANONYMOUS')
  expect(await whoIs(broker, MAIN)).toBe('main/User:ANONYMOUS')
})

describe('the host of a tenant', () => {
  const environment = { ...LOCAL, tenants, allowHosts: ['kafka.example.com', 'beta.example.org'] }
  it.each([
    ['acme.localhost:8080', 'admitted'],
    ['acme.kafka.example.com', 'admitted'],
    ['kafka.example.com', 'admitted'],
    ['beta.example.org', 'admitted'],
    ['gamma.kafka.example.com', 'refused'],
    ['acme.evil.example', 'refused'],
    ['acme.beta.example.org', 'admitted'],
    ['acme', 'refused'],
    ['beta.acme.kafka.example.com', 'refused'],
  ])('%s is %s', (host, kind) => {
    expect(judge({ host, origin: null }, environment).kind).toBe(kind)
  })

  it('is the header’s, not the address’s', () => {
    const request = new Request(`${MAIN}/`, { headers: { host: 'acme.localhost' } })
    expect(homeOf(request, { tenants })).toBe('acme')
    expect(homeOf(new Request(`${BETA}/`), { tenants })).toBe('beta')
  })

  it('is as foreign to another’s pages as any other host', () => {
    const secured = { ...environment, secret: 's' }
    const origin = 'http://beta.localhost:8080'
    expect(judge({ host: 'acme.localhost:8080', origin }, secured).kind).toBe('refused')
    expect(judge({ host: 'beta.localhost:8080', origin }, secured).kind).toBe('admitted')
  })
})
