import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { type JsonWebKeySet, type JwtSettings, verifyJwt } from '../../src/security/jwt.ts'
import { oauthbearerExchange } from '../../src/security/oauthbearer.ts'
import { plainExchange } from '../../src/security/plain.ts'

const NOW = 1_800_000_000
const settings: JwtSettings = {
  issuer: 'https://issuer.example',
  audiences: ['ottla'],
  clockSkewSeconds: 30,
  subjectClaim: 'sub',
  scopeClaim: 'scope',
  requiredScopes: [],
  reservedUsers: ['admin'],
}
const rsa = await generateKeyPair('RS256', { extractable: true })
const ec = await generateKeyPair('ES256', { extractable: true })
const other = await generateKeyPair('RS256', { extractable: true })
const rsaJwk = { ...(await exportJWK(rsa.publicKey)), kid: 'r', alg: 'RS256' }
const keys: JsonWebKeySet = {
  keys: [rsaJwk, { ...(await exportJWK(ec.publicKey)), kid: 'e' }],
}
const claims = {
  iss: 'https://issuer.example',
  aud: ['ottla', 'others'],
  sub: 'alice',
  iat: NOW - 10,
  exp: NOW + 60,
  scope: 'read write',
}

function sign(
  payload: object = claims,
  { alg = 'RS256', kid = 'r', key = rsa.privateKey as CryptoKey | Uint8Array } = {},
): Promise<string> {
  return new SignJWT({ ...payload }).setProtectedHeader({ alg, kid }).sign(key)
}

const verify = (
  token: string,
  changed: Partial<JwtSettings> = {},
  set = keys,
  nowMs = NOW * 1000,
) => verifyJwt(token, { ...settings, ...changed }, set, nowMs)

describe('a token', () => {
  it('says who it is, until when and with which scopes', async () => {
    const expected = {
      kind: 'verified',
      principal: 'User:alice',
      expiresAtMs: (NOW + 60) * 1000,
      scopes: ['read', 'write'],
    }
    expect(await verify(await sign())).toEqual(expected)
    expect(
      await verify(await sign(claims, { alg: 'ES256', kid: 'e', key: ec.privateKey })),
    ).toEqual(expected)
    const listed = await sign({ ...claims, scope: undefined, scp: ['a'], preferred: 'bob' })
    expect(await verify(listed, { scopeClaim: 'scp', subjectClaim: 'preferred' })).toMatchObject({
      principal: 'User:bob',
      scopes: ['a'],
    })
  })

  it.each([
    ['has expired', { exp: NOW - 31 }, /expired/],
    ['begins later', { nbf: NOW + 31 }, /"nbf"/],
    ['is of another issuer', { iss: 'https://evil.example' }, /"iss"/],
    ['is for another audience', { aud: 'others' }, /"aud"/],
    ['is for no audience', { aud: undefined }, /"aud" is missing/],
    ['never ends', { exp: undefined }, /"exp" is missing/],
    ['does not say when it was made', { iat: undefined }, /"iat" is missing/],
    ['names nobody', { sub: undefined }, /"sub" is missing/],
    ['names an empty subject', { sub: ' ' }, /"sub"/],
    ['names the first user', { sub: 'admin' }, /name that no token may have/],
    ['names who is nobody', { sub: 'ANONYMOUS' }, /name that no token may have/],
    ['has a long name', { sub: 'a'.repeat(1_025) }, /name that no token may have/],
    ['has scopes that are no texts', { scope: 7 }, /"scope"/],
  ])('that %s is refused', async (_, changed, reason) => {
    const verified = await verify(await sign({ ...claims, ...changed }))
    expect(verified).toMatchObject({ kind: 'refused', status: 'invalid_token' })
    expect(verified).toHaveProperty('reason', expect.stringMatching(reason))
  })

  it('may be off by the clock skew', async () => {
    expect((await verify(await sign({ ...claims, exp: NOW - 29, nbf: NOW }))).kind).toBe('verified')
    expect((await verify(await sign({ ...claims, nbf: NOW + 29 }))).kind).toBe('verified')
  })

  it('for an audience is refused where none is expected, as its maker meant somebody', async () => {
    expect(await verify(await sign(), { audiences: [] })).toHaveProperty(
      'reason',
      expect.stringContaining('sasl.oauthbearer.expected.audience'),
    )
    const forNobody = await sign({ ...claims, aud: undefined })
    expect((await verify(forNobody, { audiences: [] })).kind).toBe('verified')
  })

  it('needs the scopes that are asked for', async () => {
    expect((await verify(await sign(), { requiredScopes: ['write', 'read'] })).kind).toBe(
      'verified',
    )
    expect(await verify(await sign(), { requiredScopes: ['read', 'admin'] })).toMatchObject({
      kind: 'refused',
      status: 'insufficient_scope',
      scope: 'read admin',
    })
  })

  it('is taken with a signature of the issuer alone', async () => {
    expect(await verify(await sign(claims, { key: other.privateKey }))).toHaveProperty(
      'reason',
      'the signature is not of a key of the issuer',
    )
    expect(await verify(await sign(claims, { kid: 'new' }))).toMatchObject({ isKeyUnknown: true })
    const [header = '', payload = '', signature = ''] = (await sign()).split('.')
    const forged = btoa(JSON.stringify({ ...claims, sub: 'mallory' })).replaceAll('=', '')
    expect((await verify(`${header}.${forged}.${signature}`)).kind).toBe('refused')
    for (const alg of ['none', 'None']) {
      const none = btoa(JSON.stringify({ alg, kid: 'r' })).replaceAll('=', '')
      expect((await verify(`${none}.${payload}.`)).kind).toBe('refused')
    }
    // The public key, which everybody knows, as the shared secret of a symmetric algorithm.
    const secret = new TextEncoder().encode(JSON.stringify(rsaJwk))
    expect(await verify(await sign(claims, { alg: 'HS256', key: secret }))).toMatchObject({
      reason: 'the algorithm is not allowed',
    })
  })

  it('that cannot be read is refused', async () => {
    for (const token of [
      '',
      'a',
      'a.b.c',
      `${'a'.repeat(40_000)}.b.c`,
      'eyJhbGciOiJSUzI1NiJ9.e30.x',
    ]) {
      expect((await verify(token)).kind, token.slice(0, 50)).toBe('refused')
    }
    expect((await verify(await sign(), {}, { keys: [] })).kind).toBe('refused')
    expect(
      (await verify(await sign(), {}, { keys: [{ kty: 'RSA', kid: 'r', alg: 'RS256' }] })).kind,
    ).toBe('refused')
  })
})

const bytes = (text: string) => new TextEncoder().encode(text)

describe('OAUTHBEARER', () => {
  const exchange = () => oauthbearerExchange((token) => verify(token))

  it('takes a token, and the name it is for', async () => {
    const token = await sign()
    for (const header of ['n,,', 'n,a=alice,']) {
      const step = await exchange().step(bytes(`${header}\x01auth=Bearer ${token}\x01\x01`))
      expect(step).toMatchObject({
        kind: 'done',
        principal: 'User:alice',
        expiresAtMs: (NOW + 60) * 1000,
      })
    }
    const extended = `n,,\x01auth=bearer ${token}\x01traceId=7\x01\x01`
    expect((await exchange().step(bytes(extended))).kind).toBe('done')
    expect(await exchange().step(bytes(`n,a=bob,\x01auth=Bearer ${token}\x01\x01`))).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('authorization id'),
    })
  })

  it('says what is wrong in JSON, and refuses what comes then', async () => {
    const one = exchange()
    const step = await one.step(bytes('n,,\x01auth=Bearer a.b.c\x01\x01'))
    expect(step).toEqual({ kind: 'challenge', token: bytes('{"status":"invalid_token"}') })
    const again = bytes(`n,,\x01auth=Bearer ${await sign()}\x01\x01`)
    expect(await one.step(again)).toMatchObject({
      kind: 'refused',
      message: '{"status":"invalid_token"}',
    })
  })

  it.each([
    '',
    'n,,',
    'n,,\x01\x01',
    'n,,\x01auth=Bearer x\x01',
    'n,,\x01auth=Basic x\x01\x01',
    'p,,\x01auth=Bearer x\x01\x01',
    'n,a=b,c,\x01auth=Bearer x\x01\x01',
  ])('refuses %j', async (message) => {
    expect((await exchange().step(bytes(message))).kind).toBe('refused')
  })
})

describe('PLAIN', () => {
  const exchange = plainExchange(async (user, password) => user === 'al' && password === 'pä ss')

  it('takes user and password', async () => {
    for (const message of ['\0al\0pä ss', 'al\0al\0pä ss']) {
      expect(await exchange.step(bytes(message))).toMatchObject({
        kind: 'done',
        principal: 'User:al',
      })
    }
  })

  it('does not tell which of them is wrong', async () => {
    const message = 'Authentication failed: Invalid username or password'
    expect(await exchange.step(bytes('\0al\0x'))).toMatchObject({ kind: 'refused', message })
    expect(await exchange.step(bytes('\0bob\0pä ss'))).toMatchObject({ kind: 'refused', message })
    expect(await exchange.step(bytes('bob\0al\0x'))).toMatchObject({ kind: 'refused', message })
  })

  it('refuses what is none, and another authorization id', async () => {
    for (const message of ['', 'al', '\0al', '\0al\0pä ss\0', `\0al\0${'x'.repeat(20_000)}`]) {
      expect(await exchange.step(bytes(message))).not.toHaveProperty('message')
    }
    expect(await exchange.step(bytes('\0\0x'))).toHaveProperty(
      'message',
      'Authentication failed: username not specified',
    )
    expect(await exchange.step(bytes('\0al\0'))).toHaveProperty(
      'message',
      'Authentication failed: password not specified',
    )
    expect(await exchange.step(bytes('bob\0al\0pä ss'))).toHaveProperty(
      'message',
      'Authentication failed: Client requested an authorization id that is different from username',
    )
  })
})
