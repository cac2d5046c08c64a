import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  QUOTA_BUCKETS,
  QUOTA_BURST_S,
  QUOTA_MUTATION_BURST_S,
  QUOTA_REQUEST_THROTTLE_MS,
  SECURITY_NAME_CHARACTERS,
} from '../../src/core/limits/security.ts'
import type { ClientQuota } from '../../src/security/kept.ts'
import { ClientQuotas, QuotaTable, TokenBucket } from '../../src/security/quotas.ts'

const ALICE = { user: 'alice', clientId: 'app' }

function quota(entity: ClientQuota['entity'], value: number): ClientQuota {
  return { entity, values: { producer_byte_rate: value } }
}

function quotasOf(...quotas: ClientQuota[]): ClientQuotas {
  const made = new ClientQuotas()
  made.replace(quotas)
  return made
}

describe('a bucket of tokens', () => {
  it('lets its burst pass, and then tells how long it takes to be out of debt', () => {
    const bucket = new TokenBucket(100, 10, 0)
    expect(bucket.take(1_000, 0)).toBe(0)
    expect(bucket.take(50, 0)).toBe(500)
    expect(bucket.owedMs(200)).toBe(300)
    expect(bucket.take(10, 200)).toBe(400)
    expect(bucket.owedMs(600)).toBe(0)
  })

  it('never holds more than its burst, and loses nothing when the clock goes back', () => {
    const bucket = new TokenBucket(100, 10, 0)
    expect(bucket.take(1_000, 1_000_000)).toBe(0)
    expect(bucket.take(1, 1_000_000)).toBe(10)
    expect(bucket.owedMs(0)).toBe(10)
    expect(bucket.owedMs(10)).toBe(0)
  })

  it('lets no more pass than its rate and its burst, whoever waits as told', () => {
    const amounts = fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(amounts, fc.integer({ min: 1, max: 1_000 }), (taken, rate) => {
        const bucket = new TokenBucket(rate, 10, 0)
        let nowMs = 0
        let sum = 0
        for (const amount of taken) {
          nowMs += bucket.take(amount, nowMs)
          sum += amount
        }
        expect(sum).toBeLessThanOrEqual(rate * 10 + (rate * nowMs) / 1_000 + 1e-6)
        // And it is not held up for longer than that takes.
        expect(nowMs).toBeLessThanOrEqual(
          Math.max(0, ((sum - rate * 10) / rate) * 1_000) + taken.length,
        )
      }),
    )
  })

  it('goes on with what it owes at another rate', () => {
    const bucket = new TokenBucket(100, 10, 0)
    bucket.take(1_100, 0)
    bucket.setRate(1_000, 10, 0)
    expect(bucket.owedMs(0)).toBe(100)
    const full = new TokenBucket(1_000, 10, 0)
    full.setRate(1, 10, 0)
    expect(full.take(11, 0)).toBe(1_000)
  })
})

describe('the quota of a client', () => {
  /** From the most specific to the least, as Kafka has them, and whose bucket each is. */
  const ORDER: readonly [ClientQuota['entity'], string][] = [
    [{ user: 'alice', 'client-id': 'app' }, 'alice app'],
    [{ user: 'alice', 'client-id': null }, 'alice app'],
    [{ user: 'alice' }, 'alice *'],
    [{ user: null, 'client-id': 'app' }, 'alice app'],
    [{ user: null, 'client-id': null }, 'alice app'],
    [{ user: null }, 'alice *'],
    [{ 'client-id': 'app' }, '* app'],
    [{ 'client-id': null }, '* app'],
  ]

  it('is the most specific there is, of every two', () => {
    for (const [at, [entity]] of ORDER.entries()) {
      for (const [later] of ORDER.slice(at + 1)) {
        const table = new QuotaTable([quota(later, 2), quota(entity, 1)])
        expect(table.find('producer_byte_rate', ALICE)?.value).toBe(1)
      }
    }
  })

  it.each(ORDER)('of %j is shared by those of one bucket', (entity, shared) => {
    const table = new QuotaTable([quota(entity, 1)])
    const bucket = (user: string, clientId: string) =>
      table.find('producer_byte_rate', { user, clientId })?.bucket
    const own = bucket('alice', 'app')
    expect(own).toBeDefined()
    const isOfUser = !shared.startsWith('*')
    const isOfClient = !shared.endsWith('*')
    const another = bucket('bob', 'app')
    if (isOfUser) expect(another).not.toBe(own)
    else expect(another).toBe(own)
    const elsewhere = bucket('alice', 'other')
    if (isOfClient) expect(elsewhere).not.toBe(own)
    else expect(elsewhere).toBe(own)
  })

  it('is looked for by each key for itself', () => {
    const table = new QuotaTable([
      { entity: { user: 'alice' }, values: { consumer_byte_rate: 1 } },
      { entity: { user: null }, values: { producer_byte_rate: 2 } },
    ])
    expect(table.find('producer_byte_rate', ALICE)?.value).toBe(2)
    expect(table.find('consumer_byte_rate', ALICE)?.value).toBe(1)
    expect(table.find('request_percentage', ALICE)).toBeNull()
  })

  it('is not that of an address, nor of a default of another kind', () => {
    const table = new QuotaTable([
      { entity: { ip: '127.0.0.1' }, values: { connection_creation_rate: 1 } },
    ])
    expect(table.isEmpty).toBe(true)
    const only = new QuotaTable([quota({ user: '0', 'client-id': '1' }, 1)])
    expect(only.find('producer_byte_rate', { user: 'bob', clientId: 'x' })).toBeNull()
  })
})

describe('what clients are charged', () => {
  it('is counted over all connections of a client', () => {
    const quotas = quotasOf(quota({ user: 'alice' }, 100))
    const [one, other] = [quotas.of(ALICE), quotas.of({ ...ALICE, clientId: 'other' })]
    expect(one.charge('producer_byte_rate', 100 * QUOTA_BURST_S, 0)).toBe(0)
    expect(other.charge('producer_byte_rate', 100, 0)).toBe(1_000)
    expect(one.owedMs('producer_byte_rate', 500)).toBe(500)
    const bob = quotas.of({ user: 'bob', clientId: 'app' })
    expect(bob.charge('producer_byte_rate', 1e9, 0)).toBe(0)
  })

  it('counts on when quotas change, and ends when there are none', () => {
    const quotas = quotasOf(quota({ user: 'alice' }, 100))
    const client = quotas.of(ALICE)
    client.charge('producer_byte_rate', 100 * QUOTA_BURST_S + 100, 0)
    quotas.replace([quota({ user: 'alice' }, 100), quota({ user: 'bob' }, 1)])
    expect(client.owedMs('producer_byte_rate', 0)).toBe(1_000)
    quotas.replace([quota({ user: 'alice' }, 1_000)])
    expect(client.owedMs('producer_byte_rate', 0)).toBe(100)
    quotas.replace([])
    expect([quotas.isEmpty, client.owedMs('producer_byte_rate', 0)]).toEqual([true, 0])
    quotas.replace([quota({ user: 'alice' }, 100)])
    expect(client.owedMs('producer_byte_rate', 0)).toBe(0)
  })

  it('is a share of one thread for requests, and no wait is longer than a window', () => {
    const quotas = quotasOf({ entity: { user: 'alice' }, values: { request_percentage: 50 } })
    const client = quotas.of(ALICE)
    const burstMs = 500 * QUOTA_BURST_S
    expect(client.charge('request_percentage', burstMs, 0)).toBe(0)
    expect(client.charge('request_percentage', 100, 0)).toBe(200)
    expect(client.charge('request_percentage', 5_000, 0)).toBe(QUOTA_REQUEST_THROTTLE_MS)
  })

  it('has a burst of its own for partitions made and deleted', () => {
    const quotas = quotasOf({ entity: { user: null }, values: { controller_mutation_rate: 2 } })
    const client = quotas.of(ALICE)
    expect(client.charge('controller_mutation_rate', 2 * QUOTA_MUTATION_BURST_S, 0)).toBe(0)
    expect(client.charge('controller_mutation_rate', 1, 0)).toBe(500)
    client.charge('controller_mutation_rate', -1, 0)
    expect(client.owedMs('controller_mutation_rate', 0)).toBe(0)
  })

  it('fits the throttle time of an answer, and is nothing of a quota without end', () => {
    const quotas = quotasOf(quota({ user: 'alice' }, 1), quota({ user: 'bob' }, Infinity))
    expect(quotas.of(ALICE).charge('producer_byte_rate', 1e12, 0)).toBe(2 ** 31 - 1)
    const bob = quotas.of({ user: 'bob', clientId: '' })
    expect(bob.charge('producer_byte_rate', 1e12, 0)).toBe(0)
  })

  it('is forgotten of those who have used nothing lately, when there are too many', () => {
    const quotas = quotasOf(quota({ 'client-id': null }, 100))
    const client = (clientId: string) => quotas.of({ user: 'u', clientId })
    client('busy').charge('producer_byte_rate', 100 * QUOTA_BURST_S + 100_000, 0)
    for (let at = 0; at < QUOTA_BUCKETS + 10; at++) {
      client(`idle-${at}`).charge('producer_byte_rate', 0, 0)
    }
    expect(client('busy').owedMs('producer_byte_rate', 0)).toBe(1_000_000)
  })

  it('is kept under short names, however long client ids are', () => {
    const quotas = quotasOf(quota({ 'client-id': null }, 100))
    for (const clientId of ['\u0001'.repeat(30_000), 'x'.repeat(30_000), 'x'.repeat(20_000), 'y']) {
      quotas.of({ user: 'u', clientId }).charge('producer_byte_rate', 1, 0)
    }
    const lengths = quotas.buckets.map((name) => name.length)
    expect(lengths).toHaveLength(3)
    expect(Math.max(...lengths)).toBeLessThan(2 * SECURITY_NAME_CHARACTERS)
  })

  it('has a bucket for each user and client id, whatever they are called', () => {
    const quotas = quotasOf(quota({ user: null, 'client-id': null }, 100))
    const clients = [
      ['a', 'b'],
      ['ab', ''],
      ['', 'ab'],
      ['a c', 'b'],
      ['a', 'c b'],
      ['u1:a', 'b'],
    ]
    for (const [user = '', clientId = ''] of clients) {
      quotas.of({ user, clientId }).charge('producer_byte_rate', 1, 0)
    }
    expect(quotas.buckets).toHaveLength(clients.length)
  })
})

describe('connections of an address', () => {
  const rate = (ip: string | null, value: number): ClientQuota => ({
    entity: { ip },
    values: { connection_creation_rate: value },
  })

  it('are counted for each address by its own quota or the default, and who waits may come', () => {
    const quotas = quotasOf(rate(null, 2), rate('::1', 1))
    const opened = (address: string, nowMs: number) => {
      let times = 0
      while (quotas.connect(address, nowMs) === 0) times += 1
      return times
    }
    // The one that begins while any are left is let in.
    expect(opened('10.0.0.1', 0)).toBe(2 * QUOTA_BURST_S + 1)
    expect(opened('10.0.0.2', 0)).toBe(2 * QUOTA_BURST_S + 1)
    expect(opened('0:0:0:0:0:0:0:1', 0)).toBe(QUOTA_BURST_S + 1)
    expect(quotas.connect('10.0.0.1', 0)).toBe(500)
    expect(quotas.connect('10.0.0.1', 500)).toBe(0)
    expect(quotas.isEmpty).toBe(true)
  })

  it('are any number without a quota', () => {
    const quotas = quotasOf(quota({ user: 'alice' }, 1), rate('10.0.0.1', 1))
    for (let times = 0; times < 1_000; times++) expect(quotas.connect('10.0.0.2', 0)).toBe(0)
  })
})
