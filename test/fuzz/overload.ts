// `npm run fuzz:overload [-- --seconds N] [--idle N]`: a broker beside slow clients on both ports, idle connections on both,
// and ten times the producers that it can serve, one after the other, N seconds each. A client that behaves well is
// measured throughout: its p99 in each phase against the quiet one. Fails when the broker dies, when a record is lost or
// changed, or when a phase's p99 is over three times the quiet one; what it prints are that machine's figures.

import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import './wasm-modules.ts'
import type { Group } from './hostile-clients.ts'

const { residentBytes, startBroker } = await import('../clients/broker.ts')
const { hostileThread } = await import('./hostile-thread.ts')
const { percentile, WellBehaved } = await import('./well-behaved.ts')

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '15' },
    idle: { type: 'string', default: '10000' },
  },
})
const seconds = Number(values.seconds)
const idleConnections = Number(values.idle)
/** p99 of a phase against the quiet one's. */
const TIMES_MAX = 3
const SLOW = 500
/** Producers that a machine of two cores serves at full speed, ten times over. */
const FLOOD = 40
const BEGIN_MS = 30_000
const ROUND_PAUSE_MS = 5

const print = (line: string) => process.stdout.write(`${line}\n`)
const broker = await startBroker({ args: ['--log-level', 'error'] })
const good = await WellBehaved.open(broker.kafka, 'good')
let failed = false

/** Rounds of the well-behaved client while these are there. Answers the p99 of its round trips in ms. */
async function phase(name: string, groups: readonly Group[], quietMs: number): Promise<number> {
  good.produceMs.length = 0
  good.fetchMs.length = 0
  // A thread that only begins does no harm yet.
  const begunMs = performance.now()
  while (
    groups.some(({ counts }) => counts.opened === 0) &&
    performance.now() < begunMs + BEGIN_MS
  ) {
    await sleep(50)
  }
  const endMs = performance.now() + seconds * 1_000
  let most = 0
  while (performance.now() < endMs) {
    await good.round()
    most = Math.max(most, residentBytes(broker.workerdPid()))
    await sleep(ROUND_PAUSE_MS)
  }
  const p99 = percentile([...good.produceMs, ...good.fetchMs], 99)
  const times = p99 / quietMs
  const files = readdirSync(`/proc/${broker.workerdPid()}/fd`).length
  const told = groups.map(
    ({ counts }) => `${counts.opened} opened, ${counts.closed} closed, ${counts.refused} refused`,
  )
  print(
    `${name}: p99 ${p99.toFixed(1)} ms${times === 0 ? '' : ` (${times.toFixed(1)} × quiet)`} of ${good.produceMs.length} rounds; ` +
      `${Math.round(most / 2 ** 20)} MiB, ${files} open files; ${told.join('; ')}`,
  )
  if (times > TIMES_MAX) failed = true
  for (const group of groups) group.stop()
  await sleep(1_000)
  return p99
}

try {
  await phase('warming up', [], Number.POSITIVE_INFINITY)
  const quietMs = await phase('quiet', [], Number.POSITIVE_INFINITY)
  const half = Math.floor(idleConnections / 2)
  await phase(
    `${SLOW} slow frames on the Kafka port`,
    [hostileThread(broker, { kind: 'slow', port: 'kafka', count: SLOW })],
    quietMs,
  )
  await phase(
    `${SLOW} slow headers and ${SLOW} slow bodies on the port of HTTP`,
    [
      hostileThread(broker, { kind: 'slow', port: 'http', count: SLOW }),
      hostileThread(broker, { kind: 'slow-bodies', topic: 'good', count: SLOW }),
    ],
    quietMs,
  )
  await phase(
    `${2 * half} idle connections`,
    [
      hostileThread(broker, { kind: 'idle', port: 'kafka', count: half }),
      hostileThread(broker, { kind: 'idle', port: 'http', count: half }),
    ],
    quietMs,
  )
  await phase(
    `${FLOOD} producers that wait for nothing`,
    [hostileThread(broker, { kind: 'flood', count: FLOOD })],
    quietMs,
  )
  await phase('afterwards', [], quietMs)
  const { produced, read } = good.counts
  print(`${produced} records produced, ${read} read back as they were`)
} catch (error) {
  failed = true
  print(`FAILED: ${String(error)}\n${broker.log.slice(-10).join('\n')}`)
}
good.close()
await broker.stop()
process.exit(failed ? 1 : 0)
