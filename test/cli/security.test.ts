import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { planSecurity } from '../../src/cli/security.ts'

const folder = mkdtempSync(join(tmpdir(), 'ottla-security-'))
afterAll(() => rmSync(folder, { recursive: true }))
const path = (name: string) => join(folder, name)
const certified = (name: string) =>
  execFileSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-keyout', path(`${name}.key`), '-out', path(`${name}.pem`), '-subj', `/CN=${name}`],
  ])
certified('one')
certified('other')
const NOTHING = { config: {}, tls: null, user: null }
const URL_OF_KEYS = 'sasl.oauthbearer.jwks.endpoint.url'
const withKeys = (url: string) => planSecurity({ ...NOTHING, config: { [URL_OF_KEYS]: url } }, {})
const tls = (certificate: string, key: string, clientAuthority: string | null = null) =>
  planSecurity({ ...NOTHING, tls: { certificate, key, clientAuthority } }, {})

describe('what a start says of who may come in', () => {
  it('asks nobody unless there is a secret, or an issuer of tokens', async () => {
    expect(await planSecurity(NOTHING, {})).toMatchObject({ isSecured: false, oauth: null })
    const secret = await planSecurity(NOTHING, { OTTLA_SECRET: 'x' })
    expect(secret).toMatchObject({ isSecured: true, hasSecret: true })
    const keys = { OTTLA_OAUTH_KEYS: '{"keys":[{"kty":"RSA"}]}' }
    expect(await planSecurity(NOTHING, keys)).toMatchObject({
      isSecured: true,
      oauth: { keys: keys.OTTLA_OAUTH_KEYS, network: null },
    })
  })

  it("finds the issuer's keys in a file, or leads to where they are", async () => {
    writeFileSync(path('jwks.json'), '{"keys":[{"kty":"EC"}]}')
    expect(await withKeys(pathToFileURL(path('jwks.json')).href)).toMatchObject({
      oauth: { keys: '{"keys":[{"kty":"EC"}]}', network: null },
    })
    const oauth = { keys: null, network: { isTls: true } }
    expect(await withKeys('https://issuer.example/jwks')).toMatchObject({ oauth })
    expect(await withKeys('http://127.0.0.1:1/jwks')).toMatchObject({
      oauth: { keys: null, network: { isTls: false } },
    })
  })

  it.each([
    ['ftp://issuer/jwks', /must be an https, http or file URL/],
    ['issuer', /must be an https, http or file URL/],
    ['file:///nowhere/jwks.json', /cannot be read/],
    [pathToFileURL(path('one.pem')).href, /OTTLA_OAUTH_KEYS is not valid JSON/],
  ])('refuses keys at %s', async (url, reason) => {
    expect(await withKeys(url)).toMatchObject({
      kind: 'refused',
      reason: expect.stringMatching(reason),
    })
  })

  it('refuses a name of a user that HTTP cannot say', async () => {
    const named = await planSecurity({ ...NOTHING, user: 'a:b' }, {})
    expect(named).toMatchObject({ kind: 'refused', reason: expect.stringContaining('OTTLA_USER') })
  })

  it('reads a certificate and its key', async () => {
    const plan = await tls(path('one.pem'), path('one.key'), path('other.pem'))
    expect(plan).toMatchObject({
      tls: {
        certificate: expect.stringContaining('BEGIN CERTIFICATE'),
        key: expect.stringContaining('PRIVATE KEY'),
        clientAuthority: expect.stringContaining('BEGIN CERTIFICATE'),
      },
    })
  })

  it.each<[string, string, string | null, RegExp]>([
    ['one.pem', 'other.key', null, /^--tls-key is not the key of the certificate in --tls-cert$/],
    ['one.key', 'one.key', null, /^--tls-cert is not a certificate in PEM$/],
    ['one.pem', 'one.pem', null, /^--tls-key is not a private key in PEM, not encrypted$/],
    ['none.pem', 'one.key', null, /^--tls-cert: .*none.pem cannot be read$/],
    ['one.pem', 'one.key', 'one.key', /^--tls-client-ca is not a certificate in PEM$/],
  ])(
    'refuses %s with %s and %s, and shows neither',
    async (certificate, key, authority, reason) => {
      const plan = await tls(path(certificate), path(key), authority && path(authority))
      expect(plan).toEqual({ kind: 'refused', reason: expect.stringMatching(reason) })
    },
  )
})

it('refuses a first user who would be of one tenant alone, and tenants that cannot be', async () => {
  const config = { 'ottla.tenants': 'acme' }
  expect(await planSecurity({ ...NOTHING, config, user: 'root' }, {})).toMatchObject({
    kind: 'security',
  })
  expect(await planSecurity({ ...NOTHING, config, user: 'acme/root' }, {})).toMatchObject({
    kind: 'refused',
    reason: expect.stringContaining("must not begin with a tenant's name"),
  })
})
