// franz-go's own integration tests (pkg/kgo), compiled from the module that go.mod pins and run against
// a broker. Which of them make a scenario is scenarios/kgo.ts.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { run } from '../../tools.ts'
import { buildDir } from '../clients.ts'
import { MODULE } from './prepare.ts'

const PACKAGE = 'github.com/twmb/franz-go/pkg/kgo'

/** How the tests are run: against which broker, and how many records the long ones send. */
export interface TestRun {
  readonly bootstrap: string
  readonly tests: readonly string[]
  readonly records: number
  readonly withinMs: number
}

/** What became of each test and subtest, by name: PASS, FAIL or SKIP. */
export interface TestResults {
  readonly outcomes: ReadonlyMap<string, string>
  /** The end of what was printed. */
  readonly tail: string
}

let built: Promise<string> | undefined

/** Runs the tests, all at once; a test that did not end is not among the outcomes. */
export async function runKgo(options: TestRun): Promise<TestResults> {
  built ??= build()
  const output = await execute(await built, options)
  const lines = output.matchAll(/^ *--- (PASS|FAIL|SKIP): (\S+)/gm)
  const outcomes = new Map(Array.from(lines, ([, outcome = '', name = '']) => [name, outcome]))
  return { outcomes, tail: output.slice(-4_000) }
}

async function build(): Promise<string> {
  const binary = join(buildDir('franz-go'), 'kgo.test')
  await run('go', ['-C', MODULE, 'test', '-mod=readonly', '-c', '-o', binary, PACKAGE])
  return binary
}

function execute(binary: string, run: TestRun): Promise<string> {
  const args = [
    '-test.v',
    `-test.run=^(${run.tests.join('|')})$`,
    `-test.timeout=${run.withinMs}ms`,
  ]
  const child = spawn(binary, args, {
    cwd: buildDir('franz-go'),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      KGO_SEEDS: run.bootstrap,
      KGO_TEST_RF: '1',
      KGO_TEST_RECORDS: String(run.records),
      KGO_LOG_LEVEL: 'none',
    },
  })
  // Its own timeout prints what hangs; this is for a process that does not come to that.
  const timer = setTimeout(() => child.kill('SIGKILL'), run.withinMs + 5_000)
  const parts: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => parts.push(part))
  }
  return new Promise((done, failed) => {
    child.once('error', failed)
    child.once('close', () => {
      clearTimeout(timer)
      done(Buffer.concat(parts).toString('utf8'))
    })
  })
}
