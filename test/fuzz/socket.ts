// Mutated frames through the sockets of a broker that is started for it, on several connections that are opened again
// whenever the broker ends them, while a well-behaved client produces and reads. A fault: the broker dies, grows
// without bound, closes or delays the well-behaved connection for longer than it may, or gives it other records.

import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeRequest } from '../../src/protocol/codec.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import { type Broker, residentBytes, startBroker } from '../clients/broker.ts'
import type { Random } from '../simulation/platform/random.ts'
import { randomOf } from './campaign.ts'
import { batchMutant } from './targets/batches.ts'
import { checkRequest, messageMutant } from './targets/messages.ts'
import { percentile, WellBehaved } from './well-behaved.ts'

export interface SocketRun {
  readonly seed: number
  readonly frames: number
  readonly seconds: number
  readonly print: (line: string) => void
  /** More flags of the broker. */
  readonly args?: readonly string[]
}

const CONNECTIONS = 6
/** Frames written at once, then the answers are let come. */
const BURST = 40
/** A connection that says nothing more (a request waits for news) is ended and another opened. */
const SILENT_MS = 400
/** The well-behaved client's rounds: one takes a few ms; a broker that stands still for longer is broken. */
const ROUND_MAX_MS = 15_000
/**
 * That memory grows without end is told, not how much there is: frames wake thousands of objects of 200 KB each, and one
 * run reached 716 MiB, which its replay did not (220 MiB).
 */
const RESIDENT_MAX = 1500 * 1024 * 1024
/** Of a hundred frames, those that end their connection, and produce requests with a mutated batch. */
const ENDING = 0.01
const BATCHES = 0.2
const TELL_EVERY_MS = 15_000
const TOPIC = 'well-behaved'
/** Where mutated batches go. */
const VICTIM = 'victim'

/** Answers null, or what was found. */
export async function fuzzSocket(run: SocketRun): Promise<string | null> {
  const broker = await startBroker({
    args: ['--log-level', 'error', ...(run.args ?? [])],
  })
  const state = { sent: 0, opened: 0, found: null as string | null, mostBytes: 0 }
  const good = await WellBehaved.open(broker.kafka, TOPIC)
  const victim = await WellBehaved.open(broker.kafka, VICTIM)
  victim.close()
  const startedMs = performance.now()
  const isOver = () =>
    state.found !== null ||
    state.sent >= run.frames ||
    performance.now() - startedMs > run.seconds * 1_000
  const find = (what: string) => {
    state.found ??= `${what}; about frame ${state.sent} of seed ${run.seed}`
  }
  const attackers = Array.from({ length: CONNECTIONS }, async () => {
    while (!isOver()) {
      state.opened += 1
      await attack(broker, run.seed, state, isOver).catch((error: unknown) => find(String(error)))
    }
  })
  await Promise.all([
    ...attackers,
    behaving(good, isOver, find),
    watching(broker, state, isOver, find, run),
  ])
  if (state.found === null) {
    // And afterwards all is as before.
    await good.round().catch((error: unknown) => find(`afterwards: ${String(error)}`))
  }
  good.close()
  const { produced, read } = good.counts
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0)
  run.print(
    `${state.sent} frames over ${state.opened} connections in ${seconds} s, at most ${Math.round(state.mostBytes / 2 ** 20)} MiB resident; ` +
      `${produced} records produced and ${read} read beside them, p99 ${percentile(good.produceMs, 99).toFixed(1)} and ${percentile(good.fetchMs, 99).toFixed(1)} ms`,
  )
  if (state.found !== null) run.print(`FOUND: ${state.found}\n${broker.log.slice(-20).join('\n')}`)
  await broker.stop()
  return state.found
}

/** One connection's life: bursts of mutants until the broker has had enough. */
async function attack(
  broker: Broker,
  seed: number,
  state: { sent: number },
  isOver: () => boolean,
): Promise<void> {
  const socket = await opened(broker)
  try {
    let heard = performance.now()
    socket.on('data', () => {
      heard = performance.now()
    })
    while (!isOver() && !socket.destroyed && !socket.readableEnded) {
      const burst: Uint8Array[] = []
      for (let i = 0; i < BURST; i++) burst.push(frame(randomOf(seed, state.sent++)))
      if (!socket.write(Buffer.concat(burst))) await drained(socket)
      await sleep(2)
      if (performance.now() - heard > SILENT_MS) return
    }
  } finally {
    socket.destroy()
  }
}

/**
 * A mutant with its size in front. Behind one that ends the connection no other would be looked at, so of those but a
 * few are sent.
 */
export function frame(random: Random): Uint8Array {
  let body = bodyOf(random)
  while (!checkRequest(body, false) && !random.chance(ENDING)) body = bodyOf(random)
  const out = new Uint8Array(4 + body.length)
  const wrong = random.chance(0.002)
  const size = wrong
    ? random.pick([-1, 0, 7, 0x7fff_ffff, body.length + 1, 0x4745_5420])
    : body.length
  new DataView(out.buffer).setInt32(0, size)
  out.set(body, 4)
  return out
}

function bodyOf(random: Random): Uint8Array {
  if (random.chance(BATCHES)) return produceOf(random)
  for (;;) {
    const { seed, bytes } = messageMutant(random)
    if (seed.message === 'request' && bytes.length >= 8) return bytes
  }
}

/** A produce request, sound but for its batch. */
function produceOf(random: Random): Uint8Array {
  const header = { correlationId: random.next() | 0, clientId: 'fuzz' }
  const records = batchMutant(random)
  return encodeRequest(Produce, random.between(3, 12), header, {
    acks: random.pick([-1, 1, 0]),
    timeoutMs: 1_000,
    topicData: [{ name: VICTIM, partitionData: [{ index: 0, records }] }],
  }).subarray(4)
}

function opened({ kafka }: Broker): Promise<Socket> {
  return new Promise((done, failed) => {
    const socket = connect(kafka.port, kafka.host)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') failed(new Error('the broker is gone'))
    })
    socket.once('connect', () => done(socket))
    socket.once('end', () => socket.destroy())
    socket.once('close', () => done(socket))
  })
}

/** Room to write again, or the end. */
function drained(socket: Socket): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, SILENT_MS)
    const end = () => {
      clearTimeout(timer)
      done()
    }
    socket.once('drain', end)
    socket.once('close', end)
  })
}

async function behaving(
  good: WellBehaved,
  isOver: () => boolean,
  find: (what: string) => void,
): Promise<void> {
  while (!isOver()) {
    const late = AbortSignal.timeout(ROUND_MAX_MS)
    const onLate = () => find(`a round of the well-behaved client took over ${ROUND_MAX_MS} ms`)
    late.addEventListener('abort', onLate, { once: true })
    await good.round().catch((error: unknown) => find(`the well-behaved client: ${String(error)}`))
    late.removeEventListener('abort', onLate)
    await sleep(20)
  }
}

function openFiles(broker: Broker): number {
  return readdirSync(`/proc/${broker.workerdPid()}/fd`).length
}

async function watching(
  broker: Broker,
  state: { readonly sent: number; mostBytes: number },
  isOver: () => boolean,
  find: (what: string) => void,
  { print }: SocketRun,
): Promise<void> {
  let toldMs = performance.now()
  while (!isOver()) {
    await sleep(100)
    try {
      state.mostBytes = Math.max(state.mostBytes, residentBytes(broker.workerdPid()))
    } catch (error) {
      return find(`the broker is gone: ${String(error)}`)
    }
    if (state.mostBytes > RESIDENT_MAX) find(`${state.mostBytes} bytes are resident`)
    if (performance.now() - toldMs < TELL_EVERY_MS) continue
    toldMs = performance.now()
    const mebibytes = Math.round(residentBytes(broker.workerdPid()) / 2 ** 20)
    print(`${state.sent} frames, ${mebibytes} MiB resident, ${openFiles(broker)} open files`)
  }
}
