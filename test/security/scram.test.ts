import { describe, expect, it } from 'vitest'
import { fromBase64 } from '../../src/core/text.ts'
import { areEqual } from '../../src/security/constant-time.ts'
import type { Step } from '../../src/security/exchange.ts'
import type { ScramLikeness } from '../../src/security/kept.ts'
import { RightPasswords } from '../../src/security/passwords.ts'
import { Salts } from '../../src/security/salts.ts'
import {
  credentialOfPassword,
  isPasswordOf,
  newSalt,
  type ScramName,
} from '../../src/security/scram.ts'
import { type FindCredential, scramExchange } from '../../src/security/scram-exchange.ts'
import { proofOf } from './scram-client.ts'

const like = (inUse: ScramLikeness['iterations'][1]): ScramLikeness => {
  return { clusterId: 'c', iterations: { 1: inUse, 2: [] } }
}
const LIKE = like([])

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (step: Step) => ('token' in step ? new TextDecoder().decode(step.token) : step.kind)

async function login(
  mechanism: ScramName,
  find: FindCredential,
  { user = 'alice', password = 'secret', header = 'n,,', extensions = '', again = '' } = {},
): Promise<Step> {
  const exchange = scramExchange(mechanism, find)
  const bare = `n=${user},r=abc${extensions}`
  const asked = await exchange.step(bytes(header + bare))
  if (asked.kind !== 'challenge') return asked
  const serverFirst = text(asked)
  const nonce = /^r=([^,]*)/.exec(serverFirst)?.[1]
  const final = `c=${btoa(header)},r=${again}${nonce}`
  const proof = await proofOf(mechanism, { password, bare, serverFirst, final })
  return exchange.step(bytes(`${final},p=${proof}`))
}

const only =
  (user: string, password: string): FindCredential =>
  async (name, mechanism) =>
    name === user
      ? { credential: await credentialOfPassword(mechanism, password, 4096), isKnown: true }
      : { credential: await new Salts('x').nobody(name, mechanism, LIKE), isKnown: false }

describe('SCRAM', () => {
  it('speaks the example of RFC 7677', async () => {
    const salt = fromBase64('W22ZaJ0SNY7soEsUEjb6gQ==')!
    const credential = await credentialOfPassword('SCRAM-SHA-256', 'pencil', 4096, salt)
    const exchange = scramExchange(
      'SCRAM-SHA-256',
      async () => ({ credential, isKnown: true }),
      () => '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    )
    const first = await exchange.step(bytes('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'))
    expect(text(first)).toBe(
      'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    )
    const final = await exchange.step(
      bytes(
        'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      ),
    )
    expect(final).toMatchObject({ kind: 'done', principal: 'User:user', expiresAtMs: null })
    expect(text(final)).toBe('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
  })

  it.each(['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)(
    'lets in who knows the password: %s',
    async (mechanism) => {
      const find = only('a,b=c', 'pässword')
      const right = { user: 'a=2Cb=3Dc', password: 'pässword' }
      expect(await login(mechanism, find, right)).toMatchObject({
        kind: 'done',
        principal: 'User:a,b=c',
      })
      expect(await login(mechanism, find, { ...right, header: 'n,a=a=2Cb=3Dc,' })).toMatchObject({
        kind: 'done',
      })
      expect(await login(mechanism, find, { ...right, password: 'password' })).toMatchObject({
        kind: 'refused',
      })
    },
  )

  it('takes the nonce with the own one twice, as librdkafka 2.0.2 sends it', async () => {
    const find = only('alice', 'secret')
    expect((await login('SCRAM-SHA-256', find, { again: 'abc' })).kind).toBe('done')
    expect((await login('SCRAM-SHA-256', find, { again: 'ab' })).kind).toBe('refused')
  })

  it('refuses a wrong password and a user who is not there in the same words and after the same messages', async () => {
    const find = only('alice', 'secret')
    const wrong = await login('SCRAM-SHA-256', find, { password: 'other' })
    const nobody = await login('SCRAM-SHA-256', find, { user: 'nobody' })
    expect(wrong).toEqual({ kind: 'refused', reason: 'wrong user or password', user: 'alice' })
    expect(nobody).toEqual({ ...wrong, user: 'nobody' })
  })

  it('refuses one who is not there even with the very keys it was asked by', async () => {
    const credential = await credentialOfPassword('SCRAM-SHA-256', 'secret', 4096)
    const step = await login('SCRAM-SHA-256', async () => ({ credential, isKnown: false }))
    expect(step.kind).toBe('refused')
  })

  it('refuses what is no SCRAM, another nonce, another header, a proof that is too short and a second try', async () => {
    const find = only('alice', 'secret')
    for (const first of [
      '',
      'n',
      'p=tls-unique,,n=alice,r=a',
      'n,,n=,r=a',
      'n,,n=al=ice,r=a',
      'n,,n=alice,r=',
      'n,,n=alice',
      `n,,n=alice,r=${'a'.repeat(300)}`,
      `n,,n=${'a'.repeat(1_025)},r=a`,
    ]) {
      expect(await scramExchange('SCRAM-SHA-256', find).step(bytes(first)), first).toMatchObject({
        kind: 'refused',
      })
    }
    const invalid = Uint8Array.of(0x6e, 0x2c, 0x2c, 0xff)
    expect((await scramExchange('SCRAM-SHA-256', find).step(invalid)).kind).toBe('refused')
    expect(await login('SCRAM-SHA-256', find, { extensions: ',tokenauth=true' })).toMatchObject({
      kind: 'refused',
    })
    expect(await login('SCRAM-SHA-256', find, { header: 'n,a=bob,' })).toMatchObject({
      message:
        'Authentication failed: Client requested an authorization id that is different from username',
    })
    const finals = [
      (nonce: string) => `c=biws,r=${nonce}`,
      (nonce: string) => `c=biws,r=${nonce},p=`,
      (nonce: string) => `c=biws,r=${nonce},p=AAAA`,
      (nonce: string) => `c=biws,r=${nonce}x,p=AAAA`,
      (nonce: string) => `c=eSws,r=${nonce},p=AAAA`,
    ]
    for (const final of finals) {
      const exchange = scramExchange('SCRAM-SHA-256', find)
      const nonce = /^r=([^,]*)/.exec(text(await exchange.step(bytes('n,,n=alice,r=a'))))?.[1] ?? ''
      expect((await exchange.step(bytes(final(nonce)))).kind).toBe('refused')
    }
  })
})

describe('what is kept of passwords', () => {
  it('proves the password and differs each time', async () => {
    const one = await credentialOfPassword('SCRAM-SHA-512', 'secret', 4096)
    const other = await credentialOfPassword('SCRAM-SHA-512', 'secret', 4096)
    expect(areEqual(one.storedKey, other.storedKey)).toBe(false)
    expect(await isPasswordOf('SCRAM-SHA-512', one, 'secret')).toBe(true)
    expect(await isPasswordOf('SCRAM-SHA-512', one, 'secret ')).toBe(false)
  })

  it('is made up for who is not there: the same each time, another for another name or secret, and in no form its own', async () => {
    const salts = new Salts('s3cret')
    const one = await salts.nobody('bob', 'SCRAM-SHA-256', LIKE)
    expect(await new Salts('s3cret').nobody('bob', 'SCRAM-SHA-256', LIKE)).toEqual(one)
    const others = [
      await salts.nobody('bo', 'SCRAM-SHA-256', LIKE),
      await salts.nobody('bob', 'SCRAM-SHA-512', LIKE),
      await new Salts('secret').nobody('bob', 'SCRAM-SHA-256', LIKE),
    ]
    for (const other of others) expect(other.salt).not.toEqual(one.salt)
    const real = await credentialOfPassword('SCRAM-SHA-256', 'x', 4096, newSalt())
    expect(one.salt.length).toBe(real.salt.length)
    expect(one.storedKey.length).toBe(real.storedKey.length)
    expect(new TextDecoder().decode(one.salt)).toMatch(/^[0-9a-z]{26}$/)
    expect(one.iterations).toBe(real.iterations)
  })

  it('are no means to try out secrets: who knows no more than one has no salt of it', async () => {
    const of = async (likeness: ScramLikeness | null) => {
      const { salt } = await new Salts('s3cret').nobody('bob', 'SCRAM-SHA-256', likeness)
      return Buffer.from(salt).toString('hex')
    }
    expect(await of(LIKE)).toBe(await of(LIKE))
    expect(await of({ ...LIKE, clusterId: 'another' })).not.toBe(await of(LIKE))
    expect(await of(null)).not.toBe(await of(null))
    const salts = new Salts('s3cret')
    expect(await salts.firstUser('admin', 'SCRAM-SHA-256', null)).toBe(
      await salts.firstUser('admin', 'SCRAM-SHA-256', null),
    )
  })

  it('have as many iterations as users have, so that these tell nobody apart', async () => {
    const salts = new Salts('s3cret')
    const inUse = [
      [4096, 30],
      [8192, 10],
    ] as const
    // It derives its key with the first.
    await salts.nobody('first', 'SCRAM-SHA-256', LIKE)
    const names = Array.from({ length: 400 }, (_, at) => `nobody-${at}`)
    const made = await Promise.all(
      names.map((one) => salts.nobody(one, 'SCRAM-SHA-256', like(inUse))),
    )
    const many = made.filter(({ iterations }) => iterations === 8192).length
    expect(many).toBeGreaterThan(60)
    expect(many).toBeLessThan(140)
    expect(made.every(({ iterations }) => iterations === 4096 || iterations === 8192)).toBe(true)
    const again = await salts.nobody(names[0] ?? '', 'SCRAM-SHA-256', like(inUse))
    expect(again).toEqual(made[0])
    // One who was given another password has another salt as well.
    const moved = await salts.nobody(names[0] ?? '', 'SCRAM-SHA-256', like([[16_384, 1]]))
    expect(moved.iterations).toBe(16_384)
    expect(moved.salt).not.toEqual(again.salt)
    const first = await salts.firstUser('admin', 'SCRAM-SHA-256', like([[8192, 1]]))
    expect(first.iterations).toBe(8192)
  })

  it('of the first user is its secret, with the salt it would have if it were not there', async () => {
    const salts = new Salts('s3cret')
    const credential = await salts.firstUser('admin', 'SCRAM-SHA-512', LIKE)
    expect(await isPasswordOf('SCRAM-SHA-512', credential, 's3cret')).toBe(true)
    expect(credential.salt).toEqual((await salts.nobody('admin', 'SCRAM-SHA-512', LIKE)).salt)
    expect(await salts.firstUser('admin', 'SCRAM-SHA-512', LIKE)).toBe(credential)
  })
})

describe('passwords that were right', () => {
  it('are known for a minute, until anybody changes', async () => {
    const right = new RightPasswords()
    const digest = await right.digest('alice', 'secret')
    expect(right.has(digest, 1, 0)).toBe(false)
    right.add(digest, 1, 1_000)
    expect(right.has(digest, 1, 60_999)).toBe(true)
    expect(right.has(await right.digest('alice', 'secre'), 1, 1_000)).toBe(false)
    expect(right.has(await right.digest('alic', 'e\0secret'), 1, 1_000)).toBe(false)
    expect(right.has(digest, 2, 1_001)).toBe(false)
    right.add(digest, 2, 1_000)
    expect(right.has(digest, 2, 61_000)).toBe(false)
  })

  it('are a thousand at most, the newest', () => {
    const right = new RightPasswords()
    for (let at = 0; at <= 1_000; at++) right.add(`${at}`, 1, 0)
    expect(right.has('0', 1, 0)).toBe(false)
    expect(right.has('1', 1, 0)).toBe(true)
    expect(right.has('1000', 1, 0)).toBe(true)
  })
})
