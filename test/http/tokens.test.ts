import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { TOKEN_MAX_MS } from '../../src/core/limits/http-security.ts'
import { oauthSettings } from '../../src/security/sasl-settings.ts'
import { topicState } from '../broker/fakes.ts'
import { ADMIN, basic, bearer, SECRET, Secured } from './secured.ts'

const READ = { operation: 'READ', resource: 'TOPIC' } as const
const CREATE_TOKENS = { operation: 'CREATE_TOKENS', resource: 'USER' } as const
const WRITE = { operation: 'WRITE', resource: 'TOPIC' } as const
const ALICE = basic('alice', 'of alice')
const EVENTS = '/v1/topics/orders/events?from=earliest'

/** Alice may read and write `orders` and `orders-old`. */
async function served(more: ConstructorParameters<typeof Secured>[1] = {}) {
  const topics = ['orders', 'orders-old', 'other'].map((name) => topicState(name))
  const broker = new Secured(topics, more)
  await broker.setUser('alice', 'of alice')
  broker.allow('User:alice', READ, 'orders', true)
  broker.allow('User:alice', WRITE, 'orders', true)
  return broker
}

async function minted(broker: Secured, more: object = {}, headers = ALICE) {
  const body = { topics: ['orders'], operations: ['READ'], ...more }
  const answer = await broker.ask('POST', '/v1/tokens', { headers, body })
  expect(answer.text).toContain('token')
  expect(answer.status).toBe(201)
  return answer.body as { token: string; expires: string; principal: string }
}

const records = '/v1/topics/orders/partitions/0/records'

describe('a signed token', () => {
  it('lets its bearer do what it is bound to, as its principal', async () => {
    const broker = await served()
    const { token, principal, expires } = await minted(broker)
    expect(principal).toBe('User:alice')
    expect(Date.parse(expires) - Date.now()).toBeLessThanOrEqual(TOKEN_MAX_MS)
    const headers = bearer(token)
    expect((await broker.ask('GET', records, { headers })).status).toBe(200)
    const { body } = await broker.ask('GET', '/v1/me?topic=orders&topic=orders-old', { headers })
    expect(body).toMatchObject({
      principal: 'User:alice',
      cluster: [],
      topics: { orders: ['READ', 'DESCRIBE'], 'orders-old': [] },
    })
  })

  it('lets them do nothing else, whatever its principal may', async () => {
    const broker = await served()
    const reading = bearer((await minted(broker)).token)
    const refused = async (method: string, path: string, body?: unknown) => {
      const answer = await broker.ask(method, path, { headers: reading, body })
      expect([answer.status, answer.body.code]).toEqual([403, expect.stringMatching(/_FAILED$/)])
    }
    await refused('POST', '/v1/topics/orders/records', { value: 1 })
    await refused('GET', '/v1/topics/orders-old/partitions/0/records')
    await refused('GET', '/v1/topics/orders/configs')
    await refused('GET', '/v1/events?topic=orders&topic=orders-old')
    await refused('GET', '/v1/users')
    const writing = bearer((await minted(broker, { operations: ['WRITE'] })).token)
    expect((await broker.ask('GET', records, { headers: writing })).status).toBe(403)
    const value = { headers: writing, body: { value: 1 } }
    expect((await broker.ask('POST', '/v1/topics/orders/records', value)).status).toBe(200)
  })

  it('of a super user is no super user', async () => {
    const broker = await served()
    const { token } = await minted(broker, {}, ADMIN)
    const headers = bearer(token)
    expect((await broker.ask('GET', records, { headers })).status).toBe(200)
    expect((await broker.ask('GET', '/v1/acls', { headers })).status).toBe(403)
    expect((await broker.ask('DELETE', '/v1/topics/orders', { headers })).status).toBe(403)
  })

  it('covers names that begin as it says, and no others', async () => {
    const broker = await served()
    const headers = bearer((await minted(broker, { topics: ['orders*'] })).token)
    const old = '/v1/topics/orders-old/partitions/0/records'
    expect((await broker.ask('GET', old, { headers })).status).toBe(200)
    expect((await broker.ask('GET', '/v1/events?topic=other', { headers })).status).toBe(403)
  })

  it('is worth nothing once it has expired', async () => {
    const broker = await served()
    const { token } = await minted(broker, { ttlSeconds: 60 })
    const ask = () => broker.ask('GET', records, { headers: bearer(token) })
    broker.pass(59_000)
    expect((await ask()).status).toBe(200)
    broker.pass(1_500)
    expect((await ask()).body).toMatchObject({
      status: 401,
      detail: expect.stringContaining('expired'),
    })
  })

  it('is worth nothing once the password of its principal was changed, or they are deleted', async () => {
    for (const change of ['another password', null]) {
      const broker = await served()
      const { token } = await minted(broker)
      if (change === null) broker.deleteUser('alice')
      else await broker.setUser('alice', change)
      expect((await broker.ask('GET', records, { headers: bearer(token) })).status).toBe(401)
    }
  })

  it('is worth as much less as the rules of its principal become', async () => {
    const broker = await served()
    const { token } = await minted(broker)
    broker.deny('User:alice', READ, 'orders')
    expect((await broker.ask('GET', records, { headers: bearer(token) })).status).toBe(403)
  })

  it('is of one broker: another secret knows none of it', async () => {
    const { token } = await minted(await served())
    const other = await served({ secret: 'another' })
    expect((await other.ask('GET', records, { headers: bearer(token) })).status).toBe(401)
  })

  it('is worth nothing when anything of it is another', async () => {
    const broker = await served()
    const { token } = await minted(broker)
    const [prefix = '', payload = '', signature = ''] = token.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const forged = (change: object) =>
      [
        prefix,
        Buffer.from(JSON.stringify({ ...claims, ...change })).toString('base64url'),
        signature,
      ].join('.')
    const session = (await broker.ask('POST', '/v1/tokens', { headers: ALICE })).text
    for (const one of [
      forged({ p: 'User:admin' }),
      forged({ t: ['*'] }),
      forged({ e: claims.e + 1 }),
      `${prefix}.${payload}.`,
      `${prefix}.${payload}`,
      `${prefix}.${payload}.${signature}.${signature}`,
      `${prefix}.${payload}.${signature.slice(0, -1)}`,
      `ottla2.${payload}.${signature}`,
      `${prefix}.${payload}.${signature}${'A'.repeat(10_000)}`,
      'ottla1...',
    ]) {
      const answer = await broker.ask('GET', records, { headers: bearer(one) })
      expect([answer.status, one]).toEqual([401, one])
    }
    expect(session).not.toContain(SECRET)
  })
})

describe('minting', () => {
  it.each<[string, object, Record<string, string>, number]>([
    ['what one may not oneself', { topics: ['other'] }, ALICE, 403],
    ['a group one may not join', { groups: ['g'] }, ALICE, 403],
    ['for somebody else', { principal: 'User:bob' }, ALICE, 403],
    ['for the first user', { principal: 'User:admin' }, ALICE, 403],
    ['for longer than five minutes', { ttlSeconds: 301 }, ALICE, 400],
    ['for nobody in particular', {}, {}, 401],
  ])('is refused %s', async (_, more, headers, status) => {
    const broker = await served()
    const body = { topics: ['orders'], operations: ['READ'], ...more }
    expect((await broker.ask('POST', '/v1/tokens', { headers, body })).status).toBe(status)
  })

  it('is not for who has a token, or it would never end', async () => {
    const broker = await served()
    const headers = bearer((await minted(broker)).token)
    const body = { topics: ['orders'], operations: ['READ'] }
    const answer = await broker.ask('POST', '/v1/tokens', { headers, body })
    expect(answer.body).toMatchObject({ status: 403, code: 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED' })
  })

  it('is for another by whoever may CREATE_TOKENS for them, and gives what the other may', async () => {
    const broker = await served()
    await broker.setUser('gate', 'of gate')
    broker.allow('User:gate', CREATE_TOKENS, 'User:alice')
    const of = { principal: 'User:alice', topics: ['*'] }
    const { token, principal } = await minted(broker, of, basic('gate', 'of gate'))
    expect(principal).toBe('User:alice')
    const headers = bearer(token)
    expect((await broker.ask('GET', records, { headers })).status).toBe(200)
    expect((await broker.ask('GET', '/v1/events?topic=other', { headers })).status).toBe(403)
  })
})

describe('a token for another', () => {
  const OPEN = { config: { 'allow.everyone.if.no.acl.found': 'true' } }
  const asked = async (broker: Secured, principal: string, headers = basic('gate', 'of gate')) => {
    const body = { principal, topics: ['*'], groups: ['*'], operations: ['READ', 'WRITE'] }
    const answer = await broker.ask('POST', '/v1/tokens', { headers, body })
    return [answer.status, answer.body.code]
  }
  const DENIED = [403, 'DELEGATION_TOKEN_AUTHORIZATION_FAILED']

  it('takes a rule, whatever is allowed without one', async () => {
    const broker = await served(OPEN)
    await broker.setUser('gate', 'of gate')
    expect(await asked(broker, 'User:alice')).toEqual(DENIED)
    broker.allow('User:gate', CREATE_TOKENS, 'alice')
    // As in Kafka the resource is the principal, by its whole name.
    expect(await asked(broker, 'User:alice')).toEqual(DENIED)
    broker.allow('User:gate', CREATE_TOKENS, 'User:alice')
    expect(await asked(broker, 'User:alice')).toEqual([201, undefined])
    broker.deny('User:gate', CREATE_TOKENS, 'User:alice')
    expect(await asked(broker, 'User:alice')).toEqual(DENIED)
  })

  it('is never for a super user, unless one asks', async () => {
    const config = { ...OPEN.config, 'super.users': 'User:root' }
    const broker = await served({ config })
    await broker.setUser('gate', 'of gate')
    broker.allow('User:gate', CREATE_TOKENS, '*')
    expect(await asked(broker, 'User:alice')).toEqual([201, undefined])
    for (const one of ['User:admin', 'User:root']) {
      expect(await asked(broker, one)).toEqual(DENIED)
      expect(await asked(broker, one, ADMIN)).toEqual([201, undefined])
    }
  })
})

describe('a token asked for with a token of an identity provider', () => {
  it('goes by rules that are new enough, also where these were never read', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const oauthKeys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k' }] }
    const jwt = await new SignJWT({})
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setSubject('carol')
      .setIssuedAt()
      .setExpirationTime('3h')
      .sign(privateKey)
    const oauth = oauthSettings({ config: {}, oauthKeys, reservedUsers: [] })
    const broker = new Secured([topicState('orders')], { oauthKeys }, undefined, { oauth })
    broker.allow('User:carol', READ, 'orders')
    broker.allow('User:carol', CREATE_TOKENS, 'User:alice')
    const asked = async (more: object) => {
      const body = { topics: ['orders'], operations: ['READ'], ...more }
      return (await broker.ask('POST', '/v1/tokens', { headers: bearer(jwt), body })).status
    }
    expect(await asked({})).toBe(201)
    expect(await asked({ principal: 'User:alice' })).toBe(201)
    broker.clearRules()
    broker.pass(3_600_000)
    expect(await asked({ principal: 'User:alice' })).toBe(403)
    expect(await asked({})).toBe(403)
  })
})

describe('a token in the query', () => {
  it('is taken by event streams, as a page that can set no header has it', async () => {
    const broker = await served()
    const { token } = await minted(broker)
    const response = await broker.fetch('GET', `${EVENTS}&token=${token}`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    await response.body?.cancel()
    expect((await broker.ask('GET', `/v1/live?token=${token}`)).status).toBe(426)
  })

  it.each([
    '/v1/topics',
    records,
    '/v1/topics/orders',
    '/kafka',
    '/',
    '/openapi.json',
    '/v1/tokens',
  ])('is taken nowhere else: %s', async (path) => {
    const broker = await served()
    const { token } = await minted(broker)
    expect((await broker.ask('GET', `${path}?token=${token}`)).status).toBe(401)
    expect((await broker.ask('POST', `${path}?token=${token}`)).status).toBe(401)
  })

  it('is never the secret, and no password', async () => {
    const broker = await served()
    expect((await broker.ask('GET', `${EVENTS}&token=${SECRET}`)).status).toBe(401)
    const twice = `${EVENTS}&token=a&token=b`
    expect((await broker.ask('GET', twice)).status).toBe(401)
  })

  it('goes behind a header, and does not help a wrong one', async () => {
    const broker = await served()
    const { token } = await minted(broker)
    const headers = bearer('wrong')
    expect((await broker.ask('GET', `${EVENTS}&token=${token}`, { headers })).status).toBe(401)
  })

  it('is bound to its topic there as well', async () => {
    const broker = await served()
    const { token } = await minted(broker)
    expect((await broker.ask('GET', `/v1/topics/orders-old/events?token=${token}`)).status).toBe(
      403,
    )
  })
})

describe('what was shown to get in', () => {
  it('is in no line of the log and in no answer', async () => {
    const broker = await served()
    const { token } = await minted(broker)
    const texts: string[] = []
    const ask = async (method: string, path: string, headers: Record<string, string> = {}) =>
      texts.push((await broker.ask(method, path, { headers })).text)
    // What is not known makes requests fail in all ways there are.
    for (const path of [
      records,
      '/v1/topics/none',
      '/v1/groups',
      '/metrics',
      '/readyz',
      '/nowhere',
    ]) {
      for (const headers of [
        ALICE,
        bearer(token),
        bearer(`${token}x`),
        ADMIN,
        bearer(`${SECRET}x`),
      ]) {
        await ask('GET', path, headers)
        await ask('DELETE', path, headers)
      }
      await ask('GET', `${path}?token=${token}`)
    }
    await ask('GET', `/v1/topics/none/events?token=${token}`)
    await ask('GET', `${EVENTS}&token=${token}x`)
    expect(broker.logged.length).toBeGreaterThan(0)
    const said = [...texts, ...broker.logged].join('\n')
    const signature = token.split('.')[2] ?? ''
    for (const one of [SECRET, 'of alice', btoa('alice:of alice'), signature]) {
      expect(said).not.toContain(one)
    }
  })
})
