// `npm run sim -- --seeds N [--from S] [--scenario NAME]` plays seeds and prints how many a second, and the
// first that fails: seed, invariant, last events. `--seed S` plays one (or several: `1,2,3`), `--trace`
// prints every event. `--events N` makes worlds longer, `--seconds N` stops in time (`--least N`: not before
// so many), `--failures N` after more than one failure, `--bug NAME` plants a bug first, `--hashes` prints what
// replays are compared by. `--stubs-outlive` is a platform that carries calls on past the end of an object
// (platform/objects.ts).

import { parseArgs } from 'node:util'
import { PLANTED } from './bugs/planted.ts'
import { installHooks } from './hooks.ts'

const EVENTS = 2_000

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    scenario: { type: 'string' },
    events: { type: 'string', default: String(EVENTS) },
    bug: { type: 'string' },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    hashes: { type: 'boolean', default: false },
    failures: { type: 'string', default: '1' },
    seconds: { type: 'string', default: 'Infinity' },
    least: { type: 'string', default: '0' },
    'stubs-outlive': { type: 'boolean', default: false },
  },
})

const bug = PLANTED.find(({ name }) => name === values.bug) ?? null
if (values.bug !== undefined && bug === null) throw new Error(`no bug is called ${values.bug}`)
installHooks(bug)
const { classes, play, scenarioOf } = await import('./campaign.ts')

const first = Number(values.from)
const seeds =
  values.seed?.split(',').map(Number) ??
  Array.from({ length: Number(values.seeds) }, (_, index) => first + index)
const print = (line: string) => process.stdout.write(`${line}\n`)
// Whoever reads only the first lines has seen enough.
process.stdout.on('error', () => process.exit(1))
const loaded = await classes()
const startedMs = performance.now()
let events = 0
let played = 0
let failed = 0

for (const seed of seeds) {
  const isLate = performance.now() - startedMs > 1_000 * Number(values.seconds)
  if (isLate && played >= Number(values.least)) break
  const outcome = await play(seed, scenarioOf(seed, values.scenario ?? bug?.scenario ?? null), {
    classes: loaded,
    events: Number(values.events),
    verbose: values.trace,
    stubsOutlive: values['stubs-outlive'],
  })
  played += 1
  events += outcome.events
  if (values.hashes) print(`${seed} ${outcome.hash}`)
  if (values.trace) for (const line of outcome.trace) print(line)
  if (outcome.violations.length === 0) continue
  failed += 1
  if (values.json) print(JSON.stringify(outcome))
  else {
    const { scenario } = outcome
    print(`seed ${seed} of «${scenario}» fails after ${outcome.events} events:`)
    for (const { invariant, what } of outcome.violations.slice(0, 5))
      print(`  ${invariant}: ${what}`)
    if (!values.trace && Number(values.failures) === 1) {
      print(`last events (all of them: --seed ${seed} --scenario ${scenario} --trace):`)
      for (const line of outcome.trace) print(`  ${line}`)
    }
  }
  if (failed >= Number(values.failures)) break
}

const seconds = (performance.now() - startedMs) / 1000
if (!values.json) {
  print(
    `${played} seeds, ${failed} failed, ${events} events, ${seconds.toFixed(1)} s, ${(played / seconds).toFixed(1)} seeds/s`,
  )
}
process.exitCode = failed === 0 ? 0 : 1
