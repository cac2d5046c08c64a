import { describe, expect, it } from 'vitest'
import type { ApiTable, ServedApi } from '../../src/broker/api-table.ts'
import type { Timers } from '../../src/broker/context.ts'
import {
  CONNECTION_STATE_BYTES,
  REQUEST_MAX_BYTES,
  TUNNEL_MESSAGE_BYTES,
  TUNNEL_QUEUE_BYTES,
  TUNNEL_UNCOUNTED_BYTES,
  TUNNEL_UNCOUNTED_WAIT_MS,
  TUNNEL_UNTAKEN_TOTAL_BYTES,
  TUNNEL_WINDOW_BYTES,
} from '../../src/core/limits.ts'
import { encodeRequest } from '../../src/protocol/codec.ts'
import { Fetch } from '../../src/protocol/messages/fetch.ts'
import type { TunnelTotals } from '../../src/tunnel/outflow.ts'
import { TunnelSession } from '../../src/tunnel/session.ts'
import { newTunnel, readState, type TunnelState } from '../../src/tunnel/state.ts'
import { fakeContext } from '../broker/fakes.ts'

const MiB = 1024 * 1024

/** Time that passes when the test says so. */
class Clock implements Timers {
  #nowMs = 1_000_000
  #due: { readonly atMs: number; readonly run: () => void }[] = []

  now(): number {
    return this.#nowMs
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, run }
    this.#due.push(timer)
    return () => {
      this.#due = this.#due.filter((one) => one !== timer)
    }
  }

  sleep(ms: number): Promise<void> {
    return new Promise((done) => void this.after(ms, done))
  }

  get isIdle(): boolean {
    return this.#due.length === 0
  }

  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    for (;;) {
      await settled()
      const next = this.#due.toSorted((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined || next.atMs > untilMs) break
      this.#due = this.#due.filter((one) => one !== next)
      this.#nowMs = next.atMs
      next.run()
    }
    this.#nowMs = untilMs
    await settled()
  }
}

/** All that can go on without time has. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((done) => setImmediate(done))
}

/** Answers each Fetch with as many bytes as it asks for, at once or when it is told to. */
function table(): { readonly apis: ApiTable; readonly answer: (() => void)[] } {
  const answer: (() => void)[] = []
  const served: ServedApi = {
    api: Fetch,
    handle: {
      kind: 'overlapping',
      run: (request) => {
        const { maxBytes, maxWaitMs } = request as { maxBytes: number; maxWaitMs: number }
        const body = bodyOf(maxBytes)
        const response =
          maxWaitMs === 0
            ? Promise.resolve(body)
            : new Promise<object>((done) => answer.push(() => done(body)))
        return { effect: undefined, response, appends: false }
      },
    },
  }
  return { apis: new Map([[Fetch.key, served]]), answer }
}

function bodyOf(bytes: number): object {
  const partition = {
    partitionIndex: 0,
    errorCode: 0,
    highWatermark: 0,
    abortedTransactions: null,
    records: [new Uint8Array(bytes)],
  }
  return { responses: [{ topic: 't', partitions: [partition] }] }
}

const fetchOf = (maxBytes: number, maxWaitMs = 0): Uint8Array =>
  encodeRequest(
    Fetch,
    4,
    { correlationId: 1, clientId: 'c' },
    { maxWaitMs, minBytes: 0, maxBytes, topics: [] },
  )

interface Options {
  readonly isCounted?: boolean
  readonly totals?: TunnelTotals
  readonly clock?: Clock
  readonly state?: TunnelState
}

function tunnel({
  isCounted = true,
  totals = { queued: 0, untaken: 0 },
  clock = new Clock(),
  state,
}: Options = {}) {
  const sent: (string | Uint8Array)[] = []
  const closed: { code: number; reason: string }[] = []
  const attached: TunnelState[] = []
  const socket = {
    send: (message: string | Uint8Array) => void sent.push(message),
    close: (code: number, reason: string) => void closed.push({ code, reason }),
    serializeAttachment: (one: TunnelState) => void attached.push(structuredClone(one)),
  }
  const { apis, answer } = table()
  const context = fakeContext({ context: { timers: clock, log: () => {} } })
  const about = {
    advertised: { host: 'h', port: 1 },
    clientHost: '/',
    maxRequestBytes: REQUEST_MAX_BYTES,
    seenMs: clock.now(),
  }
  const began = state ?? newTunnel(about, isCounted, null)
  const session = new TunnelSession(socket, apis, context, began, totals)
  return {
    session,
    sent,
    closed,
    clock,
    totals,
    answer,
    receive: (message: string | Uint8Array) =>
      session.receive(typeof message === 'string' ? message : message.slice().buffer),
    sentBytes: () => sent.reduce((sum, one) => sum + (typeof one === 'string' ? 0 : one.length), 0),
    state: () => attached.at(-1)!,
  }
}

describe('answers to a client that counts', () => {
  it('wait for room in its window, in messages of a bounded size', async () => {
    const one = tunnel()
    one.receive(fetchOf(5 * MiB))
    await settled()
    expect(one.sentBytes()).toBeGreaterThan(TUNNEL_WINDOW_BYTES - TUNNEL_MESSAGE_BYTES)
    expect(one.sentBytes()).toBeLessThanOrEqual(TUNNEL_WINDOW_BYTES)
    for (const message of one.sent) expect(message.length).toBeLessThanOrEqual(TUNNEL_MESSAGE_BYTES)
    for (let acked = 0; acked < one.sentBytes(); ) {
      acked = one.sentBytes()
      one.receive(`ack ${acked}`)
      await settled()
      expect(one.sentBytes() - acked).toBeLessThanOrEqual(TUNNEL_WINDOW_BYTES)
    }
    expect(one.sentBytes()).toBeGreaterThan(5 * MiB)
    expect(one.totals.untaken).toBe(0)
    expect(one.closed).toEqual([])
  })

  it('keep its object awake as long as they wait, and no longer', async () => {
    const one = tunnel()
    one.receive(fetchOf(2 * MiB))
    await one.clock.pass(120_000)
    expect(one.clock.isIdle).toBe(false)
    expect(one.state().connection).toBeNull()
    for (let acked = 0; acked < one.sentBytes(); ) {
      acked = one.sentBytes()
      one.receive(`ack ${acked}`)
      await settled()
    }
    await one.clock.pass(2_000)
    expect(one.clock.isIdle).toBe(true)
    expect(one.state()).toMatchObject({ counts: { acked: one.sentBytes(), sent: one.sentBytes() } })
    expect(one.state().connection).toEqual({ partial: new Uint8Array(0), login: null })
  })

  it('of all tunnels together are bounded, and none is left without', async () => {
    const totals = { queued: 0, untaken: 0 }
    const clock = new Clock()
    const many = Array.from({ length: 60 }, () => tunnel({ totals, clock }))
    for (const one of many) one.receive(fetchOf(2 * MiB))
    await clock.pass(100)
    const each = 2 * TUNNEL_MESSAGE_BYTES
    expect(totals.untaken).toBeLessThanOrEqual(TUNNEL_UNTAKEN_TOTAL_BYTES + many.length * each)
    for (const one of many) expect(one.sentBytes()).toBeGreaterThan(0)
    // Those that leave give room to the others.
    const before = many[59]!.sentBytes()
    for (const one of many.slice(0, 59)) one.session.end(1000)
    await clock.pass(100)
    expect(many[59]!.sentBytes()).toBeGreaterThan(before)
    many[59]!.session.end(1000)
    expect(totals).toEqual({ queued: 0, untaken: 0 })
  })
})

describe('answers to a client that counts nothing', () => {
  it('wait for its next message when there are too many of them', async () => {
    const one = tunnel({ isCounted: false })
    for (let at = 0; at < 3; at++) one.receive(fetchOf(16 * MiB))
    await settled()
    expect(one.sentBytes()).toBeLessThanOrEqual(TUNNEL_UNCOUNTED_BYTES)
    expect(one.sentBytes()).toBeGreaterThan(16 * MiB)
    const before = one.sentBytes()
    one.receive(fetchOf(1))
    await settled()
    expect(one.sentBytes()).toBeGreaterThan(before)
    expect(one.closed).toEqual([])
  })

  it('are not kept for ever for one that says nothing', async () => {
    const one = tunnel({ isCounted: false })
    for (let at = 0; at < 3; at++) one.receive(fetchOf(16 * MiB))
    await one.clock.pass(TUNNEL_UNCOUNTED_WAIT_MS - 2_000)
    expect(one.closed).toEqual([])
    await one.clock.pass(4_000)
    expect(one.closed).toMatchObject([{ code: 1001 }])
    expect(one.totals).toEqual({ queued: 0, untaken: 0 })
  })

  it('end with one that sends more than is taken', async () => {
    const one = tunnel({ isCounted: false })
    // A frame for which there is no memory yet takes no more bytes.
    one.receive(new Uint8Array(TUNNEL_QUEUE_BYTES))
    one.receive(new Uint8Array(1))
    expect(one.closed).toMatchObject([{ code: 1009 }])
  })
})

describe('the state of a tunnel', () => {
  it('says that something is under way as long as it is, and fits its socket', async () => {
    const one = tunnel()
    expect(one.state().connection).not.toBeNull()
    one.receive(fetchOf(10, 1_000))
    expect(one.state().connection).toBeNull()
    await settled()
    expect(one.state().connection).toBeNull()
    one.answer[0]?.()
    await settled()
    expect(one.state().connection).toEqual({ partial: new Uint8Array(0), login: null })
    const frame = fetchOf(10)
    one.receive(frame.subarray(0, 9))
    await settled()
    expect(one.state().connection?.partial).toEqual(frame.slice(0, 9))
    expect(JSON.stringify(one.state()).length).toBeLessThan(CONNECTION_STATE_BYTES)
  })

  it('lets another session go on in the middle of a frame and of the counts', async () => {
    const one = tunnel()
    one.receive(fetchOf(100_000))
    await settled()
    one.receive(`ack ${one.sentBytes()}`)
    const frame = fetchOf(10)
    one.receive(frame.subarray(0, 9))
    await settled()
    const kept = one.state()
    expect(readState(kept)).toEqual(kept)
    const two = tunnel({ state: kept })
    two.receive(frame.subarray(9))
    await settled()
    expect(two.sentBytes()).toBeGreaterThan(10)
    two.receive(`ack ${one.sentBytes() + two.sentBytes()}`)
    await settled()
    expect(two.closed).toEqual([])
    two.receive(`ack ${one.sentBytes() + two.sentBytes() + 1}`)
    expect(two.closed).toMatchObject([{ code: 1002 }])
  })

  it('is not read when it is none of ours', () => {
    for (const other of [null, undefined, 1, 'x', {}, { version: 1 }]) {
      expect(readState(other)).toBeNull()
    }
  })
})

describe('a socket that fails', () => {
  it('ends its tunnel and gives back what it held', async () => {
    const one = tunnel()
    one.receive(fetchOf(2 * MiB))
    await settled()
    expect(one.totals.untaken).toBeGreaterThan(0)
    one.session.end(1000)
    one.session.end(1000)
    one.receive(fetchOf(1))
    await settled()
    expect(one.totals).toEqual({ queued: 0, untaken: 0 })
    expect(one.closed).toHaveLength(1)
    expect(one.clock.isIdle).toBe(true)
  })
})
