// `npm run fuzz:overload [-- --seconds N] [--idle N] [--only WORD]`: a client that behaves well is measured at a broker beside slow
// clients on both ports, idle connections on both, and ten times the clients that it can serve. All of them share
// this machine, so the measure is the same load at another broker beside: what the machine gives. Fails when the broker
// dies, when a record is lost or changed, when idle connections are not held, or when the client's p99 is over
// three times the one beside. Needs a C compiler (generator.c); what it prints are that machine's figures.

import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import './wasm-modules.ts'
import type { Broker } from '../clients/broker.ts'
import type { Running } from './generator.ts'
import type { Trial } from './loads.ts'

const { residentBytes, startBroker } = await import('../clients/broker.ts')
const { Generator } = await import('./generator.ts')
const { FLOODED, mostIdle, openFiles, trials } = await import('./loads.ts')
const { percentile, WellBehaved } = await import('./well-behaved.ts')

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '12' },
    idle: { type: 'string', default: String(mostIdle()) },
    only: { type: 'string', default: '' },
  },
})
const seconds = Number(values.seconds)
/** p99 beside a load at this broker against the one beside a load at the other. */
const TIMES_MAX = 3
/** Short ones in turn, so that what else the machine does falls on both. */
const WINDOWS = 4
const ROUND_PAUSE_MS = 5
const BEGIN_MS = 300
const RECOVER_MS = 500
const OPEN_WITHIN_MS = 60_000
const WARM_UP_MS = 5_000

const print = (line: string) => process.stdout.write(`${line}\n`)
let failed = false
const fail = (line: string) => {
  failed = true
  print(`FAILED: ${line}`)
}

const generator = Generator.build()
const options = { args: ['--log-level', 'error'] }
const broker = await startBroker(options)
const other = await startBroker(options)
const good = await WellBehaved.open(broker.kafka, 'good')
for (const each of [broker, other]) {
  const flooded = await WellBehaved.open(each.kafka, FLOODED)
  for (let i = 0; i < 500; i++) await flooded.round()
  flooded.close()
}

/** Rounds of the well-behaved client for so long; answers each round trip in ms. */
async function measured(ms: number): Promise<number[]> {
  good.produceMs.length = 0
  good.fetchMs.length = 0
  for (const endMs = performance.now() + ms; performance.now() < endMs; ) {
    await good.round()
    await sleep(ROUND_PAUSE_MS)
  }
  return [...good.produceMs, ...good.fetchMs]
}

/** The same while a load is at a broker. What is opened once is measured while it is opened, and then. */
async function beside({ loads, lasts }: Trial, at: Broker, ms: number) {
  const http = Number(new URL(at.http).port)
  const running = loads.map((load) =>
    generator.start({ ...load, port: load.at === 'kafka' ? at.kafka.port : http }),
  )
  const wanted = loads.reduce((sum, { count }) => sum + count, 0)
  const roundTripsMs: number[] = []
  if (lasts) {
    const deadlineMs = performance.now() + OPEN_WITHIN_MS
    while (total(running, 'held') < wanted && performance.now() < deadlineMs) {
      roundTripsMs.push(...(await measured(200)))
    }
  } else {
    await sleep(BEGIN_MS)
  }
  // HTTP connections that say nothing are closed by the runtime after fifteen seconds, and come again.
  const heldAtFirst = total(running, 'held')
  roundTripsMs.push(...(await measured(ms)))
  const held = Math.max(heldAtFirst, total(running, 'held'))
  const seen = { roundTripsMs, held, wanted, files: filesOf(at), bytes: bytesOf(at) }
  await Promise.all(running.map((one) => one.stop()))
  await sleep(RECOVER_MS)
  return seen
}

function total(running: readonly Running[], what: 'held'): number {
  return running.reduce((sum, { counts }) => sum + counts[what], 0)
}

const filesOf = (at: Broker) => readdirSync(`/proc/${at.workerdPid()}/fd`).length
const bytesOf = (at: Broker) => Math.round(residentBytes(at.workerdPid()) / 2 ** 20)
const p99 = (roundTripsMs: readonly number[]) => percentile(roundTripsMs, 99)

async function tried(trial: Trial, quietMs: number): Promise<void> {
  const windows = trial.lasts ? 1 : WINDOWS
  const ms = (seconds * 1_000) / windows
  const there: number[] = []
  const here: number[] = []
  let last = { held: 0, wanted: 0, files: 0, bytes: 0 }
  for (let i = 0; i < windows; i++) {
    there.push(...(await beside(trial, other, ms)).roundTripsMs)
    const { roundTripsMs, ...seen } = await beside(trial, broker, ms)
    here.push(...roundTripsMs)
    last = seen
  }
  const times = p99(here) / p99(there)
  print(
    `${trial.name}: p99 ${p99(here).toFixed(1)} ms of ${here.length} round trips, ${times.toFixed(1)} × the ${p99(there).toFixed(1)} ms ` +
      `beside the same at another broker (${(p99(here) / quietMs).toFixed(1)} × quiet); median ${percentile(here, 50).toFixed(1)} and ` +
      `${percentile(there, 50).toFixed(1)}; ${last.held} held, ${last.files} open files, ${last.bytes} MiB`,
  )
  if (times > TIMES_MAX) fail(`over ${TIMES_MAX} times`)
  if (last.held < last.wanted) {
    fail(
      `${last.held} of ${last.wanted} connections were held; a process may open ${openFiles()} files`,
    )
  }
}

try {
  await measured(WARM_UP_MS)
  const quietMs = p99(await measured(seconds * 500))
  print(`quiet: p99 ${quietMs.toFixed(1)} ms; a process may open ${openFiles()} files`)
  for (const trial of trials(Number(values.idle))) {
    if (trial.name.includes(values.only)) await tried(trial, quietMs)
  }
  const afterMs = p99(await measured(seconds * 500))
  const { produced, read } = good.counts
  print(
    `afterwards: p99 ${afterMs.toFixed(1)} ms; ${produced} records produced, ${read} read as they were`,
  )
} catch (error) {
  fail(`${String(error)}\n${broker.log.slice(-10).join('\n')}`)
}
good.close()
await Promise.all([broker.stop(), other.stop()])
generator.remove()
process.exit(failed ? 1 : 0)
