// `npm run test:soak -- --minutes M [--seed S] [--out FILE.svg]`: all kinds of clients on one broker for a
// long time, on topics that retention and compaction keep small. Everything that clients were told is
// compared with what is there, again and again; memory and files are sampled, drawn, and judged to be flat
// once warm. Nothing is killed: that is kill.ts.

import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import build from '../build.ts'
import { residentBytes } from '../clients/broker.ts'
import { Random } from '../simulation/platform/random.ts'
import { snapshot } from './checks/history.ts'
import { violations } from './checks/log-checks.ts'
import { prune } from './checks/prune.ts'
import { bars, drawing, growthOf, type Measure, type Sample } from './checks/samples.ts'
import { startMortal } from './load/broker.ts'
import { BROKER_SETTINGS, Load, TIERED, TOPICS, type TopicPlan } from './load/load.ts'

const SAMPLE_MS = 1_000
/** The load rests so often for a comparison. */
const COMPARE_MS = 20_000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    out: { type: 'string', default: join(tmpdir(), 'ottla-soak.svg') },
  },
})
const random = new Random(Number(values.seed))
const print = (line: string) => process.stdout.write(`${line}\n`)

/** What is kept for ever elsewhere is retained here by size. */
// What is in a tier is no part of the files that are to stay flat.
const PLANS: readonly TopicPlan[] = TOPICS.filter((plan) => plan !== TIERED).map((plan) =>
  plan.configs['cleanup.policy'] === undefined
    ? {
        ...plan,
        // A batch must fit a segment.
        large: false,
        configs: {
          ...plan.configs,
          'retention.bytes': '1048576',
          'segment.bytes': '1048576',
          'segment.ms': '5000',
        },
      }
    : plan,
)

build({ name: 'soak' })
const data = mkdtempSync(join(tmpdir(), 'ottla-soak-'))
print(`seed ${values.seed}, ${values.minutes} minutes in ${data}`)
const mortal = await startMortal(data, BROKER_SETTINGS, random)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void mortal.stop().finally(() => process.exit(130)))
}
const { kafka } = mortal.broker
const load = new Load('soak', random, { paddingBytes: 1_500, pauseMs: 60 }, PLANS)
const samples: Sample[] = []
const startedMs = performance.now()
const endMs = startedMs + 60_000 * Number(values.minutes)
const sampling = setInterval(() => samples.push(sample()), SAMPLE_MS)
let forgotten = 0
let failed = false
try {
  await load.prepare(kafka)
  while (performance.now() < endMs && !failed) {
    const running = load.run(kafka)
    await Promise.race([running, sleep(Math.min(COMPARE_MS, endMs - performance.now()))])
    load.stop()
    await running
    failed = await compare()
  }
  clearInterval(sampling)
  await load.finish(kafka)
  failed = (await compare()) || failed
} finally {
  clearInterval(sampling)
  await mortal.stop()
}
for (const measure of ['memoryBytes', 'fileBytes'] as const) failed = judged(measure) || failed
writeFileSync(values.out, drawing(samples))
const { acknowledged = 0 } = samples.at(-1) ?? {}
print(`${acknowledged} records acknowledged; drawn in ${values.out}`)
print(failed ? `FAILED: seed ${values.seed}, the data is in ${data}` : 'no violation, and flat')
if (!failed) rmSync(data, { recursive: true, force: true })
// Real clients leave handles behind. What V8 compiles in the background ends first: see cli/ottla.ts.
await sleep(200)
process.exit(failed ? 1 : 0)

function sample(): Sample {
  return {
    seconds: (performance.now() - startedMs) / 1_000,
    memoryBytes: residentBytes(mortal.broker.workerdPid()),
    fileBytes: sizeOf(data),
    acknowledged: forgotten + load.acknowledged,
  }
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => {
      // SQLite removes files of its own as it goes.
      return (
        sum + (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0)
      )
    }, 0)
}

/** True when something is not as clients were told. */
async function compare(): Promise<boolean> {
  await load.settle(kafka)
  const before = snapshot(load.history)
  const observed = await load.observe(kafka)
  const found = violations(before, load.history, observed)
  for (const { check, what } of found.slice(0, 20)) print(`${check}: ${what}`)
  if (found.length > 0) return true
  const kept = load.acknowledged
  prune(load.history, observed)
  forgotten += kept - load.acknowledged
  return false
}

function judged(measure: Measure): boolean {
  const { fromBytes, toBytes, isFlat } = growthOf(samples, measure)
  const name = measure === 'memoryBytes' ? 'memory' : 'files '
  const growth = `${(fromBytes / 1e6).toFixed(1)} MB to ${(toBytes / 1e6).toFixed(1)} MB`
  print(`${name} ${bars(samples.map((one) => one[measure]))} ${growth}${isFlat ? '' : ': grows'}`)
  return !isFlat
}
