/// <reference types="@cloudflare/vitest-plugin/types" />
// Sessions of /v1/live in the runtime: sleep, eviction, and what goes on behind them. What a session says to what
// is test/live.

import {
  createExecutionContext,
  env,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test'
import { describe, expect, it, vi } from 'vitest'
import type { WorkerEnv } from '../../src/broker/isolate.ts'
import { liveName } from '../../src/core/ids.ts'
import { LIVE_SWEEP_MS } from '../../src/core/limits/live.ts'
import { serveHttp } from '../../src/http/serve.ts'

const { LIVE } = env as unknown as { readonly LIVE: DurableObjectNamespace }

/** The platform puts an object to sleep that has nothing to do for this long. */
const SLEEPS_AFTER_MS = 10_000

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

async function http(method: string, path: string, body?: unknown): Promise<unknown> {
  const init = {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }
  const bindings = { ...(env as object), OTTLA_LOCAL: '1' } as unknown as WorkerEnv
  const request = new Request(`http://localhost/v1${path}`, init)
  const response = await serveHttp(request, bindings, createExecutionContext())
  expect(response.ok, await response.clone().text()).toBe(true)
  return response.json()
}

interface Message {
  readonly type: string
  readonly sub?: number
  readonly id?: number
  readonly records?: readonly { readonly value: string; readonly offset: number }[]
  readonly partitions?: readonly unknown[]
  readonly memberId?: string
}

/** A client of the object of a name of its own. */
async function client(name: string, { answers = true } = {}) {
  const stub = () => LIVE.getByName(liveName(0, name))
  const upgrade = { upgrade: 'websocket', 'sec-websocket-protocol': 'ottla.v1' }
  const response = await stub().fetch('http://live/', { headers: upgrade })
  const socket = response.webSocket!
  expect(response.headers.get('sec-websocket-protocol')).toBe('ottla.v1')
  const messages: Message[] = []
  const texts: string[] = []
  let closed: number | null = null
  socket.addEventListener('message', ({ data }) => {
    texts.push(data as string)
    if (data === 'ping' && answers) socket.send('pong')
    else if (data !== 'pong' && data !== 'ping') messages.push(JSON.parse(data as string))
  })
  socket.addEventListener('close', ({ code }) => {
    closed = code
  })
  socket.accept()
  const of = (type: string) => messages.filter((message) => message.type === type)
  return {
    stub,
    socket,
    texts,
    of,
    closed: () => closed,
    say: (message: unknown) => socket.send(JSON.stringify(message)),
    values: () => of('records').flatMap(({ records }) => records!.map(({ value }) => value)),
    until: (holds: () => void, timeout = 15_000) => vi.waitFor(holds, { timeout, interval: 5 }),
    /** Whether the instance is still the one that was marked. */
    mark: () => runInDurableObject(stub(), (instance) => void Reflect.set(instance, 'marked', 1)),
    isMarked: () => runInDurableObject(stub(), (instance) => Reflect.has(instance, 'marked')),
  }
}

async function topic(name: string, partitions = 1): Promise<void> {
  await http('POST', '/topics', { name, partitions })
}

const produce = (name: string, value: string) =>
  http('POST', `/topics/${name}/records`, { value, partition: 0 })

describe('a session of /v1/live', () => {
  it('goes on with the next message after its object was evicted: the constructor ran again', async () => {
    await topic('live-evicted')
    const one = await client('evicted')
    await produce('live-evicted', 'a')
    // A record takes 89 bytes of it.
    one.say({ type: 'subscribe', sub: 1, topics: ['live-evicted'], from: 'earliest', bytes: 120 })
    await one.until(() => expect(one.values()).toEqual(['a']))
    await produce('live-evicted', 'b')
    // Nothing goes on from here until the client grants more.
    await one.until(() => expect(one.of('starved')).toHaveLength(1))
    await one.mark()
    await evictDurableObject(one.stub())
    one.say({ type: 'grant', sub: 1, bytes: 1_000 })
    await one.until(() => expect(one.values()).toEqual(['a', 'b']))
    expect(await one.isMarked()).toBe(false)
    await produce('live-evicted', 'c')
    await one.until(() => expect(one.values()).toEqual(['a', 'b', 'c']))
    expect(one.of('hello')).toHaveLength(1)
    expect(one.of('subscribed')).toHaveLength(1)
    one.socket.close()
  })

  it('of a client that is gone is found by the alarm: it is asked, then closed', async () => {
    const dead = await client('dead', { answers: false })
    const living = await client('dead')
    await living.until(() => expect(living.of('hello')).toHaveLength(1))
    await dead.until(() => expect(dead.of('hello')).toHaveLength(1))
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + LIVE_SWEEP_MS })
    try {
      // What is kept of both is all that is known of them.
      await evictDurableObject(dead.stub())
      expect(await runDurableObjectAlarm(dead.stub())).toBe(true)
      await dead.until(() => expect(dead.texts.at(-1)).toBe('ping'))
      await living.until(() => expect(living.texts.at(-1)).toBe('ping'))
      expect(dead.closed()).toBeNull()
      vi.setSystemTime(Date.now() + LIVE_SWEEP_MS)
      expect(await runDurableObjectAlarm(dead.stub())).toBe(true)
      await dead.until(() => expect(dead.closed()).toBe(1001))
      expect(living.closed()).toBeNull()
      living.say({ type: 'unsubscribe', sub: 1 })
      await living.until(() => expect(living.of('error')).toHaveLength(1))
    } finally {
      vi.useRealTimers()
      living.socket.close()
    }
  })

  it('has a member that leaves its group with the end of the socket', async () => {
    await topic('live-member', 2)
    const one = await client('member')
    await produce('live-member', 'a')
    const join = { topics: ['live-member'], from: 'earliest', bytes: 9_000 }
    one.say({ type: 'join', sub: 1, group: 'live-g', ...join })
    await one.until(() => expect(one.values()).toEqual(['a']))
    const members = async () => {
      const group = (await http('GET', '/groups/live-g')) as { members: { memberId: string }[] }
      return group.members.map(({ memberId }) => memberId)
    }
    expect(await members()).toEqual([one.of('joined')[0]!.memberId])
    one.socket.close()
    await vi.waitFor(async () => expect(await members()).toEqual([]), {
      timeout: 15_000,
      interval: 50,
    })
  })

  it.concurrent('of a producer that is idle lets its object sleep, and its pings do not wake it', async () => {
    await topic('live-idle')
    const one = await client('idle')
    const ask = (id: number) =>
      one.say({ type: 'produce', id, topic: 'live-idle', records: [{ value: `v${id}` }] })
    ask(1)
    await one.until(() => expect(one.of('ack')).toHaveLength(1))
    await one.mark()
    for (let waited = 0; waited < SLEEPS_AFTER_MS + 5_000; waited += 3_000) {
      await sleep(3_000)
      one.socket.send('ping')
    }
    await one.until(() =>
      expect(one.texts.filter((text) => text === 'pong').length).toBeGreaterThan(3),
    )
    ask(2)
    await one.until(() => expect(one.of('ack')).toHaveLength(2))
    expect(await one.isMarked()).toBe(false)
    expect(one.closed()).toBeNull()
    one.socket.close()
  }, 60_000)

  it.concurrent('that waits for records stays awake, and has them at once', async () => {
    await topic('live-waiting')
    const one = await client('waiting')
    one.say({ type: 'subscribe', sub: 1, topics: ['live-waiting'], bytes: 9_000 })
    await one.until(() => expect(one.of('subscribed')).toHaveLength(1))
    await one.mark()
    await sleep(2 * SLEEPS_AFTER_MS)
    const since = Date.now()
    await produce('live-waiting', 'a')
    await one.until(() => expect(one.values()).toEqual(['a']))
    expect(Date.now() - since).toBeLessThan(SLEEPS_AFTER_MS)
    expect(await one.isMarked()).toBe(true)
    one.socket.close()
  }, 60_000)
})
