// `node test/simulation/hunt.ts [BUG…]`: looks for the seeds that find each planted bug, among the first
// 3,000, and records them in bugs/found.json: up to three, because a change of the sources moves what
// happens in a seed. To be run when the replay of a recorded seed no longer finds its bug.

import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Found, PLANTED } from './bugs/planted.ts'

const RUN = join(import.meta.dirname, 'run.ts')
const RECORD = join(import.meta.dirname, 'bugs/found.json')
const SEEDS = 3_000
const MORE_SEEDS = 1_000
const MORE_SECONDS = 30

const wanted = process.argv.slice(2)
const found: Record<string, Found> = JSON.parse(readFileSync(RECORD, 'utf8'))
for (const name of Object.keys(found)) {
  if (!PLANTED.some((bug) => bug.name === name)) delete found[name]
}

for (const { name } of PLANTED) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const [first] = await failures(['--bug', name, '--seeds', String(SEEDS)])
  if (first === undefined) {
    process.stdout.write(`${name}: not found in ${SEEDS} seeds\n`)
    process.exitCode = 1
    continue
  }
  const from = ['--from', String(first.seed + 1), '--seeds', String(MORE_SEEDS)]
  const bounds = ['--seconds', String(MORE_SECONDS), '--failures', '2']
  const more = await failures(['--bug', name, ...from, ...bounds])
  const seeds = [first, ...more].map(({ seed }) => seed)
  const invariant = first.violations[0]?.invariant ?? ''
  found[name] = { seeds, invariant }
  process.stdout.write(`${name}: ${seeds.join(', ')}; ${invariant}\n`)
  writeFileSync(RECORD, asFormatted(found))
}

interface Failure {
  readonly seed: number
  readonly violations: readonly { readonly invariant: string }[]
}

/** With each list on a line of its own, as the formatter has it. */
function asFormatted(record: Record<string, Found>): string {
  const text = JSON.stringify(record, null, 2)
  return `${text.replace(/\[[\s\d,]*\]/g, (list) => list.replace(/\s+/g, ' ').replace('[ ', '[').replace(' ]', ']'))}\n`
}

/** The seeds that fail, with what they fail by. */
function failures(options: readonly string[]): Promise<Failure[]> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [RUN, '--json', ...options],
      { maxBuffer: 64 * 1024 * 1024 },
      (_, stdout, stderr) => {
        if (stderr !== '') reject(new Error(stderr))
        const lines = stdout.split('\n').filter((line) => line.startsWith('{'))
        resolve(lines.map((line) => JSON.parse(line) as Failure))
      },
    )
  })
}
