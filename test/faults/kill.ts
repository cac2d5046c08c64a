// `npm run test:kill -- --rounds N [--seed S] [--keep]`: producers, transactions and groups run while the
// broker is killed with SIGKILL at random times and started again on the same data; after each death
// everything that any client was told is compared with what is there (checks/log-checks.ts), and the
// transactions are judged as appends to lists (checks/list-append.ts). The seed
// replays the choices, not the machine's timing. The data of a round that fails is kept.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import build from '../build.ts'
import { Random } from '../simulation/platform/random.ts'
import { type Observed, snapshot } from './checks/history.ts'
import { anomalies } from './checks/list-append.ts'
import { violations } from './checks/log-checks.ts'
import { type MortalBroker, startMortal, VICTIMS } from './load/broker.ts'
import { verify } from './load/data-folder.ts'
import { BROKER_SETTINGS, type Counts, Load, tierSettings } from './load/load.ts'

/** Topics live this many rounds: what is read after each of them stays small. */
const ROUNDS_PER_LIFE = 10
/** A death comes this soon after all kinds of clients have got something done, at most. */
const LONGEST_MS = 300
/** Or this soon, whatever they got done: a slow machine must not make rounds long. */
const PATIENCE_MS = 1_500
/** But in the first round of a life all kinds of clients are waited for, real ones too. */
const FIRST_PATIENCE_MS = 15_000
/** One death in so many comes while the first requests are under way. */
const EARLY_ONE_IN = 4
const EARLY_MS = 60
const SHOWN_MAX = 20
const SAID_EVERY = 100
/** The objects of a deleted topic are gone from the tier by then. */
const GONE_WITHIN_MS = 20_000
/** Every so many deaths the data is verified as it was left, before the broker is started again. */
const VERIFY_EVERY = 4

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    keep: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const random = new Random(Number(values.seed))
const print = (line: string) => process.stdout.write(`${line}\n`)

build({ name: 'kill' })
const data = mkdtempSync(join(tmpdir(), 'ottla-kill-'))
const totals: Record<string, number> = {}
const startedMs = performance.now()
print(`seed ${values.seed}, ${rounds} rounds in ${data}`)
const tier = `${data}-tier`
const mortal = await startMortal(data, { ...BROKER_SETTINGS, ...tierSettings(tier) }, random)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void mortal.stop().finally(() => process.exit(130)))
}
let failed = false
try {
  for (let done = 0; done < rounds && !failed; done += ROUNDS_PER_LIFE) {
    failed = await life(mortal, done, Math.min(ROUNDS_PER_LIFE, rounds - done))
    if (done % SAID_EVERY === 0 && done > 0) print(`${done} rounds done`)
  }
} finally {
  await mortal.stop()
}
const seconds = (performance.now() - startedMs) / 1000
for (const [name, count] of Object.entries(totals)) {
  if (count > 0) continue
  print(`nothing was counted under «${name}»: this run has proven nothing of it`)
  failed = true
}
print(
  Object.entries(totals)
    .map(([name, count]) => `${count} ${name}`)
    .join(', '),
)
print(`${rounds} rounds, ${failed ? 'FAILED' : 'no violation'}, ${seconds.toFixed(1)} s`)
if (failed) print(`seed ${values.seed}; the data is in ${data} and ${tier}`)
else if (!values.keep) {
  for (const folder of [data, tier]) rmSync(folder, { recursive: true, force: true })
}
// Real clients leave handles behind. What V8 compiles in the background ends first: see cli/ottla.ts.
await sleep(200)
process.exit(failed ? 1 : 0)

/** Topics and clients over some rounds, from nothing to their removal. True when a round failed. */
async function life(mortal: MortalBroker, first: number, count: number): Promise<boolean> {
  const load = new Load(`life-${first}`, random, { paddingBytes: 1_500, pauseMs: 200 })
  await load.prepare(mortal.broker.kafka)
  for (let round = first; round < first + count; round++) {
    await load.addFresh(mortal.broker.kafka, `round-${round}`)
    const victim = random.pick(VICTIMS)
    const running = load.run(mortal.broker.kafka)
    const dies = deathOf(load, round === first).then(() => mortal.kill(victim))
    // A client that met something unexpected must not leave the others running.
    await Promise.all([running, dies])
    if (round % VERIFY_EVERY === 0 && report(round, damageOf(data))) return true
    await mortal.again()
    if (report(round, await compare(load, mortal))) return true
  }
  await load.finish(mortal.broker.kafka)
  if (report(first + count - 1, await compare(load, mortal))) return true
  add({ ...load.counts, 'segments in the tier': objectsIn(tier) })
  await load.remove(mortal.broker.kafka)
  return report(first + count - 1, await left())
}

/** What the topics that are gone have left in the tier. */
async function left(): Promise<Finding[]> {
  const deadline = performance.now() + GONE_WITHIN_MS
  while (objectsIn(tier) > 0 && performance.now() < deadline) await sleep(50)
  const count = objectsIn(tier)
  return count === 0 ? [] : [{ check: 'left', what: `${count} objects of deleted topics` }]
}

/** Not the files that a put was writing when it was killed: the launcher removes them later. */
function objectsIn(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.object'),
  ).length
}

/** What `ottla verify` has against the data that a death has left. */
function damageOf(folder: string): Finding[] {
  const { code, printed } = verify(folder)
  return code === 0 ? [] : [{ check: 'damaged', what: printed }]
}

/** Resolves when the broker is to die. */
async function deathOf(load: Load, isFirst: boolean): Promise<void> {
  const startedAt = performance.now()
  while (isFirst && !load.hasBegun && performance.now() < startedAt + FIRST_PATIENCE_MS) {
    await sleep(20)
  }
  const isEarly = random.between(1, EARLY_ONE_IN) === 1
  const afterMs = random.between(1, isEarly ? EARLY_MS : LONGEST_MS)
  const before = load.slowest
  const deadline = performance.now() + PATIENCE_MS
  const isUnderWay = () => {
    const { transactions, commits } = load.slowest
    return transactions > before.transactions && commits > before.commits
  }
  while (!isEarly && !isUnderWay() && performance.now() < deadline) await sleep(10)
  await sleep(afterMs)
}

/** What was said against what is there. */
async function compare(load: Load, { broker }: MortalBroker): Promise<Finding[]> {
  await load.settle(broker.kafka)
  const before = snapshot(load.history)
  const observed: Observed = await load.observe(broker.kafka)
  return [
    ...violations(before, load.history, observed),
    ...anomalies(load.listHistory(observed)).map(({ anomaly: check, what }) => ({ check, what })),
  ]
}

interface Finding {
  readonly check: string
  readonly what: string
}

function report(round: number, found: readonly Finding[]): boolean {
  for (const { check, what } of found.slice(0, SHOWN_MAX))
    print(`round ${round}: ${check}: ${what}`)
  if (found.length > SHOWN_MAX) print(`and ${found.length - SHOWN_MAX} more`)
  return found.length > 0
}

function add(counts: Counts): void {
  for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count
}
