// What a secured broker writes down: durable before who tells it goes on, once, and counted where it does not fit.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type AuditEvent, AuditLog } from '../../src/broker/audit.ts'
import type { BrokerContext } from '../../src/broker/context.ts'
import { AUDIT_TOPIC } from '../../src/cluster/names.ts'
import { offset } from '../../src/core/ids.ts'
import {
  AUDIT_BATCH,
  AUDIT_CLIENTS,
  AUDIT_NAMES,
  AUDIT_REFUSALS,
  AUDIT_REFUSALS_MS,
  AUDIT_RETRY_MS,
  AUDIT_TEXT_CHARACTERS,
  AUDIT_WAIT_MS,
  AUDIT_WAITING,
} from '../../src/core/limits/security.ts'
import type { AppendReply, AppendRequest } from '../../src/partition/contract.ts'
import { recordsOf } from '../../src/record/records.ts'
import { fakeContext, topicState } from './fakes.ts'

const DENIED: AuditEvent = {
  event: 'denied',
  api: 'CreateTopics',
  principal: 'User:alice',
  host: '127.0.0.1',
  names: ['orders'],
  errors: ['TOPIC_AUTHORIZATION_FAILED'],
}
/** Of these each has a record. */
const CHANGED: AuditEvent = { ...DENIED, event: 'changed' }
const decoder = new TextDecoder()

/** A broker with or without the topic, whose leader answers when `confirm` is called, or at once. */
function broker({
  hasTopic = true,
  waits = false,
  fails = (): boolean => false,
  largest = Number.POSITIVE_INFINITY,
} = {}) {
  const settings = largest === Number.POSITIVE_INFINITY ? {} : { maxMessageBytes: largest }
  const topic = topicState(AUDIT_TOPIC, 1, settings)
  const written: { key: string | null; value: Record<string, unknown> }[] = []
  const batches: number[] = []
  const created: string[] = []
  const confirms: (() => void)[] = []
  let isThere = hasTopic
  const append = async ({ batch }: AppendRequest): Promise<AppendReply> => {
    if (fails()) throw new Error('the object ended')
    const records = [...recordsOf(batch)].map(({ key, value }) => ({
      key: key && decoder.decode(key),
      value: JSON.parse(decoder.decode(value!)),
    }))
    if (waits) await new Promise<void>((resolve) => confirms.push(resolve))
    batches.push(records.length)
    written.push(...records)
    return { kind: 'appended', baseOffset: offset(0), logStartOffset: offset(0) }
  }
  const context = fakeContext({
    partition: () => ({ append }),
    cluster: {
      lookup: async () => ({
        topics: isThere ? [{ name: topic.name, topic }] : [{ name: topic.name, error: 3 }],
      }),
      createTopics: async ({ topics }: { topics: readonly { name: string }[] }) => {
        created.push(...topics.map(({ name }) => name))
        isThere = true
        return { throttleTimeMs: 0, topics: [] }
      },
    } as never,
  })
  const confirm = () => {
    for (const one of confirms.splice(0)) one()
  }
  return { context, written, batches, created, confirm }
}

/** Tells it, and lets time pass while it waits. */
async function told(log: AuditLog, event: AuditEvent, context: BrokerContext): Promise<void> {
  const telling = log.tell(event, context)
  await vi.advanceTimersByTimeAsync(AUDIT_WAIT_MS)
  await telling
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('the audit log', () => {
  it('is a record of JSON by who asked, durable when that is answered', async () => {
    const { context, written, confirm } = broker({ waits: true })
    const log = new AuditLog()
    let isTold = false
    const told = log.tell(DENIED, context).then(() => {
      isTold = true
    })
    await vi.advanceTimersByTimeAsync(100)
    expect([isTold, log.waiting]).toEqual([false, 1])
    confirm()
    await vi.advanceTimersByTimeAsync(100)
    await told
    expect(log.waiting).toBe(0)
    expect(written).toEqual([
      { key: 'User:alice', value: { time: expect.stringMatching(/^\d{4}-.*Z$/), ...DENIED } },
    ])
  })

  it('makes its topic with the first record', async () => {
    const { context, written, created } = broker({ hasTopic: false })
    const log = new AuditLog()
    await log.tell(DENIED, context)
    await log.tell({ ...DENIED, event: 'changed' }, context)
    expect(created).toEqual([AUDIT_TOPIC])
    expect(written.map(({ value }) => value.event)).toEqual(['denied', 'changed'])
  })

  it('is written in batches by one at a time, each record once', async () => {
    const { context, written, batches } = broker()
    const log = new AuditLog()
    const all = Array.from({ length: AUDIT_BATCH + 10 }, (_, at) =>
      log.tell({ ...CHANGED, names: [String(at)] }, context),
    )
    await vi.advanceTimersByTimeAsync(AUDIT_WAIT_MS)
    await Promise.all(all)
    expect(Math.max(...batches)).toBe(AUDIT_BATCH)
    expect(written.map(({ value }) => value.names)).toEqual(all.map((_, at) => [String(at)]))
  })

  it('holds nobody up for ever, and is written when that is possible again', async () => {
    let isDown = true
    const { context, written } = broker({ fails: () => isDown })
    const log = new AuditLog()
    const told = log.tell(DENIED, context)
    await vi.advanceTimersByTimeAsync(AUDIT_WAIT_MS + 100)
    await told
    expect([written.length, log.waiting]).toEqual([0, 1])
    isDown = false
    const next = log.tell({ ...DENIED, api: 'DeleteTopics' }, context)
    await vi.advanceTimersByTimeAsync(AUDIT_RETRY_MS + 100)
    await next
    expect(written.map(({ value }) => value.api)).toEqual(['CreateTopics', 'DeleteTopics'])
  })

  it('says how many records it had no room for', async () => {
    let isDown = true
    const { context, written } = broker({ fails: () => isDown })
    const log = new AuditLog()
    for (let at = 0; at < AUDIT_WAITING + 7; at++) log.note(CHANGED, context)
    await vi.advanceTimersByTimeAsync(AUDIT_RETRY_MS)
    isDown = false
    log.note(CHANGED, context)
    await vi.advanceTimersByTimeAsync(100)
    expect(written).toHaveLength(AUDIT_WAITING)
    await log.tell(CHANGED, context)
    expect(written.at(-2)).toMatchObject({ key: null, value: { event: 'lost', count: 8 } })
  })

  it('names no more than fits', async () => {
    const { context, written } = broker()
    const names = Array.from({ length: AUDIT_NAMES + 5 }, (_, at) => `t${at}`)
    await new AuditLog().tell({ ...DENIED, names }, context)
    expect(written[0]!.value).toMatchObject({ names: names.slice(0, AUDIT_NAMES), moreNames: 5 })
  })

  it('goes on whatever is told: texts are cut, and no batch is too large', async () => {
    const { context, written } = broker()
    const log = new AuditLog()
    const long = (at: number) => `${at}`.padEnd(30_000, '\u0001')
    const names = Array.from({ length: 20 }, (_, at) => long(at))
    for (let at = 0; at < 100; at++) {
      log.note({ ...CHANGED, api: long(at), clientId: long(at), reason: long(at), names }, context)
    }
    await told(log, { ...CHANGED, api: 'the next', principal: `User:${long(0)}` }, context)
    expect(log.waiting).toBe(0)
    expect(written).toHaveLength(101)
    expect(written.at(-1)?.value.api).toBe('the next')
    const lengths = written.map(({ key, value }) => key!.length + String(value.api).length)
    expect(Math.max(...lengths)).toBeLessThan(2 * AUDIT_TEXT_CHARACTERS + 10)
  })

  it('keeps no more bytes than fit while it cannot be written', async () => {
    const { context } = broker({ fails: () => true })
    const log = new AuditLog()
    const names = Array.from({ length: 20 }, (_, at) => `${at}`.padEnd(256, '\u0001'))
    for (let at = 0; at < AUDIT_WAITING; at++) log.note({ ...CHANGED, names }, context)
    expect(log.waiting).toBeGreaterThan(50)
    expect(log.waiting).toBeLessThan(200)
  })

  it('gives up a record that its topic does not take, counts it, and goes on with the next', async () => {
    const { context, written, batches } = broker({ largest: 1_000 })
    const log = new AuditLog()
    const names = Array.from({ length: 20 }, (_, at) => `${at}`.padEnd(200, 'x'))
    log.note({ ...CHANGED, api: 'large', names }, context)
    for (let at = 0; at < 10; at++) log.note(CHANGED, context)
    await told(log, { ...CHANGED, api: 'behind it' }, context)
    expect(written.map(({ value }) => value.api)).not.toContain('large')
    expect(written).toHaveLength(11)
    expect(written.at(-1)?.value.api).toBe('behind it')
    expect(Math.max(...batches)).toBeGreaterThan(1)
    await told(log, CHANGED, context)
    expect(written.at(-2)?.value).toMatchObject({ event: 'lost', count: 1 })
  })

  it('has so many records of refusals of one client, and of the rest how many there were', async () => {
    const { context, written } = broker()
    const log = new AuditLog()
    const refused: AuditEvent = { ...DENIED, event: 'login-refused', host: '10.0.0.1' }
    for (let at = 0; at < AUDIT_REFUSALS + 500; at++) {
      await log.tell({ ...refused, principal: `User:guess-${at}` }, context)
    }
    expect(written).toHaveLength(AUDIT_REFUSALS)
    await log.tell({ ...refused, host: '10.0.0.2' }, context)
    await log.tell({ ...DENIED, host: '10.0.0.1' }, context)
    expect(written).toHaveLength(AUDIT_REFUSALS + 2)
    await vi.advanceTimersByTimeAsync(AUDIT_REFUSALS_MS)
    await log.tell(CHANGED, context)
    expect(written.at(-2)).toMatchObject({
      key: null,
      value: { event: 'login-refused', host: '10.0.0.1', count: 500 },
    })
  })

  it('counts refusals together of more addresses than it tells apart', async () => {
    const { context, written } = broker()
    const log = new AuditLog()
    for (let at = 0; at < 2 * AUDIT_CLIENTS; at++) {
      await log.tell({ ...DENIED, host: `h${at}` }, context)
    }
    expect(written).toHaveLength(AUDIT_CLIENTS + AUDIT_REFUSALS)
    await vi.advanceTimersByTimeAsync(AUDIT_REFUSALS_MS)
    await log.tell(CHANGED, context)
    const count = AUDIT_CLIENTS - AUDIT_REFUSALS
    expect(written.at(-2)?.value).toMatchObject({ event: 'denied', host: '*', count })
  })
})
