// Mutated frames through the sockets of a broker that is started for it, on several connections that are opened again
// whenever the broker ends them, while a well-behaved client produces and reads. A fault: the broker dies, grows
// without bound, closes or delays the well-behaved connection for longer than it may, or gives it other records.

import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Broker, residentBytes, startBroker } from '../clients/broker.ts'
import { AnswerCounter } from './answers.ts'
import { SocketFrames, VICTIM } from './socket-frames.ts'
import { percentile, WellBehaved } from './well-behaved.ts'

export interface SocketRun {
  readonly seed: number
  readonly frames: number
  readonly seconds: number
  readonly print: (line: string) => void
  /** Also asks how many requests were served, which takes ten seconds. */
  readonly countsServed?: boolean
  /** More flags of the broker. */
  readonly args?: readonly string[]
}

/** Most of them wait: sooner or later each has asked for something that is answered when there is news. */
const CONNECTIONS = 24
/** Frames written at once, then the answers are let come. */
const BURST = 24
/** So many answers of a connection may be due before the next are sent: some never come. */
const UNANSWERED = 8
/** A connection that says nothing more is ended and another opened. */
const SILENT_MS = 3_000
/** The well-behaved client's rounds: one takes a few ms; a broker that stands still for longer is broken. */
const ROUND_MAX_MS = 60_000
/**
 * That memory grows without end is told, not how much there is: it follows how many objects are awake, which the open files
 * bound. A run of half a million frames reached 820 MiB with 4,252 files open, some 1,400 objects; at 780 MiB, 470 were the
 * native heap, which holds the databases' pages and keeps what was freed, and a fifth as much that of JavaScript.
 */
const RESIDENT_MAX = 1500 * 1024 * 1024
const TELL_EVERY_MS = 15_000
const FIGURES_MS = 11_000
const TOPIC = 'well-behaved'

/** Answers null, or what was found. */
export async function fuzzSocket(run: SocketRun): Promise<string | null> {
  const broker = await startBroker({
    args: ['--log-level', 'error', ...(run.args ?? [])],
  })
  const state = {
    frames: new SocketFrames(run.seed),
    sent: 0,
    answered: 0,
    opened: 0,
    found: null as string | null,
    mostBytes: 0,
    filesAtMost: 0,
  }
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
      await attack(broker, state, isOver).catch((error: unknown) => find(String(error)))
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
  const isAsked = run.countsServed === true && state.found === null
  const served = isAsked ? `${await requestsServed(broker)} requests served, ` : ''
  good.close()
  const { produced, read } = good.counts
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0)
  run.print(
    `${state.sent} frames sent, ${served}${state.answered} answered, over ${state.opened} connections in ${seconds} s; ` +
      `at most ${mebibytes(state.mostBytes)} MiB resident, then with ${state.filesAtMost} open files; ` +
      `${produced} records produced and ${read} read beside them, p99 ${percentile(good.produceMs, 99).toFixed(1)} and ${percentile(good.fetchMs, 99).toFixed(1)} ms`,
  )
  if (state.found !== null) run.print(`FOUND: ${state.found}\n${broker.log.slice(-20).join('\n')}`)
  await broker.stop()
  return state.found
}

/** One connection's life: bursts of mutants until the broker has had enough. */
async function attack(
  broker: Broker,
  state: { readonly frames: SocketFrames; sent: number; answered: number },
  isOver: () => boolean,
): Promise<void> {
  const socket = await opened(broker)
  try {
    let heardMs = performance.now()
    let sent = 0
    let answered = 0
    const counter = new AnswerCounter()
    socket.on('data', (bytes) => {
      heardMs = performance.now()
      const answers = counter.count(bytes)
      answered += answers
      state.answered += answers
    })
    const isOpen = () => !isOver() && !socket.destroyed && !socket.readableEnded
    while (isOpen()) {
      const burst: Uint8Array[] = []
      for (let i = 0; i < BURST; i++) burst.push(state.frames.at(state.sent++))
      sent += burst.length
      const startedMs = performance.now()
      if (!socket.write(Buffer.concat(burst))) await drained(socket)
      // What nobody answers (acks=0) is behind what is answered, as a rule.
      while (isOpen() && answered < sent - UNANSWERED) {
        if (performance.now() - Math.max(heardMs, startedMs) > SILENT_MS) return
        await sleep(2)
      }
      await sleep(0)
    }
  } finally {
    socket.destroy()
  }
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

/**
 * Kafka requests that were decoded and given to a handler, the well-behaved client's few among them: of what is sent, what
 * lies behind a frame that ended its connection, or a request that waited for longer than anybody, is never looked at.
 */
async function requestsServed({ http }: Broker): Promise<number> {
  // The figures are reported every ten seconds at most.
  await sleep(FIGURES_MS)
  const text = await (await fetch(`${http}/metrics`)).text()
  const counts = text.matchAll(/^ottla_requests_total\{[^}]*\} (\d+)/gm)
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
}

const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20)

async function watching(
  broker: Broker,
  state: {
    readonly sent: number
    readonly answered: number
    mostBytes: number
    filesAtMost: number
  },
  isOver: () => boolean,
  find: (what: string) => void,
  { print }: SocketRun,
): Promise<void> {
  let toldMs = performance.now()
  while (!isOver()) {
    await sleep(100)
    try {
      const bytes = residentBytes(broker.workerdPid())
      if (bytes > state.mostBytes) {
        state.mostBytes = bytes
        state.filesAtMost = openFiles(broker)
      }
    } catch (error) {
      return find(`the broker is gone: ${String(error)}`)
    }
    if (state.mostBytes > RESIDENT_MAX) find(`${state.mostBytes} bytes are resident`)
    if (performance.now() - toldMs < TELL_EVERY_MS) continue
    toldMs = performance.now()
    const now = mebibytes(residentBytes(broker.workerdPid()))
    print(
      `${state.sent} frames, ${state.answered} answered, ${now} MiB resident, ${openFiles(broker)} open files`,
    )
  }
}
