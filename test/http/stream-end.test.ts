import { afterEach, describe, expect, it, vi } from 'vitest'
import { topicState } from '../broker/fakes.ts'
import { ADMIN, basic, bearer, Secured } from './secured.ts'

const { setTimeout: realTimeout } = globalThis
const reallySleep = (ms: number) => new Promise((resolve) => realTimeout(resolve, ms))

const READ = { operation: 'READ', resource: 'TOPIC' } as const
const ALICE = basic('alice', 'of alice')
const PATH = '/v1/topics/orders/events?from=earliest'

afterEach(() => {
  vi.useRealTimers()
})

async function served() {
  const broker = new Secured([topicState('orders')])
  await broker.setUser('alice', 'of alice')
  broker.allow('User:alice', READ, 'orders')
  return broker
}

/** A stream that is open, and how it ends. */
async function opened(broker: Secured, headers: Record<string, string>) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  const response = await broker.fetch('GET', PATH, { headers })
  expect(response.status).toBe(200)
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  let text = ''
  let isOver = false
  const read = async () => {
    for (;;) {
      const { value, done } = await reader.read()
      isOver = done
      if (done) return
      text += decoder.decode(value)
    }
  }
  const reading = read()
  /** Waits for the end, for at most so long. */
  const endWithin = async (ms: number) => {
    const steps = Math.ceil(ms / 500)
    for (let step = 0; step < steps && !isOver; step++) {
      await vi.advanceTimersByTimeAsync(500)
      // Digests are made elsewhere, in a time of their own.
      await reallySleep(2)
    }
    const wasOver = isOver
    if (!wasOver) await reader.cancel()
    await reading
    return { isOver: wasOver, problem: problemIn(text), text }
  }
  return { endWithin }
}

function problemIn(text: string) {
  const [, data] = /event: problem\ndata: (.*)\n\n$/.exec(text) ?? []
  return data === undefined ? null : JSON.parse(data)
}

describe('an open event stream', () => {
  it('goes on while what was shown holds', async () => {
    const stream = await opened(await served(), ALICE)
    const { isOver, text } = await stream.endWithin(65_000)
    expect(isOver).toBe(false)
    expect(text).toContain(':\n\n')
  })

  it('ends with a problem within 60 s of the end of its token', async () => {
    const broker = await served()
    const body = { topics: ['orders'], operations: ['READ'], ttlSeconds: 30 }
    const minted = await broker.ask('POST', '/v1/tokens', { headers: ALICE, body })
    const early = await opened(broker, bearer(minted.body.token))
    expect((await early.endWithin(20_000)).isOver).toBe(false)
    const stream = await opened(broker, bearer(minted.body.token))
    const { isOver, problem } = await stream.endWithin(10_000 + 60_000)
    expect(isOver).toBe(true)
    expect(problem).toMatchObject({ status: 401, code: 'SASL_AUTHENTICATION_FAILED' })
  })

  it.each<[string, (broker: Secured) => unknown, number]>([
    ['another password', (broker) => broker.setUser('alice', 'another'), 401],
    ['a deleted user', (broker) => broker.deleteUser('alice'), 401],
    ['a rule that was taken away', (broker) => broker.clearRules(), 403],
    ['a rule that denies', (broker) => broker.deny('User:alice', READ, 'orders'), 403],
  ])('ends with a problem within 60 s of %s', async (_, change, status) => {
    const broker = await served()
    const stream = await opened(broker, ALICE)
    await change(broker)
    const { isOver, problem } = await stream.endWithin(60_000)
    expect(isOver).toBe(true)
    expect(problem).toMatchObject({ status })
  })

  it('ends when for a while nobody can say whether it may go on', async () => {
    const broker = await served()
    const stream = await opened(broker, ALICE)
    broker.fails = true
    const { isOver, problem } = await stream.endWithin(75_000)
    expect(isOver).toBe(true)
    expect(problem).toMatchObject({ status: 503 })
  })

  it('of the first user is ended by no rule', async () => {
    const broker = await served()
    const stream = await opened(broker, ADMIN)
    broker.deny('User:admin', READ, 'orders')
    expect((await stream.endWithin(61_000)).isOver).toBe(false)
  })
})
