import { describe, expect, it, vi } from 'vitest'
import { TooManyChecks } from '../../src/broker/password-checks.ts'
import {
  PASSWORD_CACHE_MS,
  PASSWORD_CHECK_MS,
  PASSWORD_CHECKS,
} from '../../src/core/limits/authentication.ts'
import { topicState } from '../broker/fakes.ts'
import { basic, SECRET, Secured } from './secured.ts'

const ALICE = basic('alice', 'of alice')

async function served(secured?: ConstructorParameters<typeof Secured>[1]) {
  const broker = new Secured([topicState('t')], secured)
  await broker.setUser('alice', 'of alice')
  await broker.setUser('bob', 'of bob')
  return broker
}

const status = async (broker: Secured, headers: Record<string, string>) =>
  (await broker.ask('GET', '/v1/me', { headers })).status

describe('HTTP Basic', () => {
  it('knows the users of SCRAM by their passwords', async () => {
    const broker = await served()
    const { body } = await broker.ask('GET', '/v1/me', { headers: ALICE })
    expect(body).toMatchObject({ principal: 'User:alice', isOpen: false, isSession: false })
    for (const wrong of [
      basic('alice', 'of bob'),
      basic('alice', ''),
      basic('carol', 'of alice'),
      basic('', 'of alice'),
      basic('alice\0', 'of alice'),
      basic('Alice', 'of alice'),
      basic('alice', 'of alice '),
      basic('alice', 'x'.repeat(20_000)),
      { authorization: 'Basic' },
      { authorization: 'Basic !!!' },
      { authorization: `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString('base64')}` },
      { authorization: `Basic ${btoa('alice')}` },
      { authorization: `${ALICE.authorization} x` },
    ]) {
      expect([await status(broker, wrong), wrong]).toEqual([401, wrong])
    }
  })

  it('takes passwords in UTF-8 with colons', async () => {
    const broker = await served()
    await broker.setUser('żółć', 'pass:wörd: 🔑')
    expect(await status(broker, basic('żółć', 'pass:wörd: 🔑'))).toBe(200)
  })

  it('checks a password once a minute, not once a request', async () => {
    const broker = await served()
    for (let request = 0; request < 20; request++) expect(await status(broker, ALICE)).toBe(200)
    expect(broker.checked).toBe(1)
    broker.pass(PASSWORD_CACHE_MS + 1)
    expect(await status(broker, ALICE)).toBe(200)
    expect(broker.checked).toBe(2)
  })

  it('checks it once for requests that come together', async () => {
    const broker = await served()
    const answers = await Promise.all(Array.from({ length: 50 }, () => status(broker, ALICE)))
    expect(new Set(answers)).toEqual(new Set([200]))
    expect(broker.checked).toBe(1)
  })

  it('forgets what it knew when any user changes, and asks again', async () => {
    const broker = await served()
    expect(await status(broker, ALICE)).toBe(200)
    await broker.setUser('bob', 'another')
    expect(await status(broker, ALICE)).toBe(200)
    expect(broker.checked).toBe(2)
    await broker.setUser('alice', 'another')
    expect(await status(broker, ALICE)).toBe(401)
    expect(await status(broker, basic('alice', 'another'))).toBe(200)
    broker.deleteUser('alice')
    expect(await status(broker, basic('alice', 'another'))).toBe(401)
  })

  it('lets nobody in whom it cannot ask about, but the first user', async () => {
    const broker = await served()
    broker.fails = true
    const answer = await broker.ask('GET', '/v1/me', { headers: ALICE })
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
    expect(answer.text).not.toContain('does not answer')
    broker.fails = false
    expect(await status(broker, basic('admin', SECRET))).toBe(200)
  })

  it('asks the same of everybody before it says no', async () => {
    const costs: number[][] = []
    for (const [user, password] of [
      ['alice', 'wrong'],
      ['nobody', 'wrong'],
      ['admin', 'wrong'],
    ] as const) {
      const broker = await served()
      expect(await status(broker, basic(user, password))).toBe(401)
      costs.push([broker.checked, broker.asked])
    }
    // Of a known name the digest of its credential is asked for as well: by calls, which one cannot see, and not by work.
    expect(costs.map(([checked]) => checked)).toEqual([1, 1, 1])
  })

  it('takes about as long to say no to a user as to nobody', async () => {
    const broker = await served()
    const took = async (user: string) => {
      const times: number[] = []
      for (let at = 0; at < 15; at++) {
        const began = performance.now()
        await status(broker, basic(user, `wrong ${at}`))
        times.push(performance.now() - began)
      }
      return times.sort((a, b) => a - b)[7] ?? 0
    }
    const [alice, nobody, admin] = [await took('alice'), await took('nobody'), await took('admin')]
    // PBKDF2 is most of it: who left it out for one of them would be many times faster.
    for (const one of [nobody, admin]) {
      expect(one / alice).toBeGreaterThan(0.33)
      expect(one / alice).toBeLessThan(3)
    }
  })
})

describe('many wrong passwords at once', () => {
  it.each(['admin', 'alice', 'nobody'])('of %s are checked some at a time', async (user) => {
    const broker = await served()
    broker.checks = () => new Promise(() => {})
    for (let at = 0; at < PASSWORD_CHECKS + 5; at++) {
      void broker.ask('GET', '/v1/me', { headers: basic(user, `wrong ${at}`) })
    }
    await vi.waitFor(() => expect(broker.checked).toBe(PASSWORD_CHECKS), 5_000)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(broker.checked).toBe(PASSWORD_CHECKS)
    expect(await status(broker, basic('admin', SECRET))).toBe(200)
    broker.checks = () => Promise.reject(new TooManyChecks('too many passwords are being checked'))
    broker.pass(PASSWORD_CHECK_MS)
    const { body } = await broker.ask('GET', '/v1/me', { headers: basic(user, 'one more') })
    expect(body).toMatchObject({ status: 503, detail: expect.stringContaining('too many') })
  })
})
