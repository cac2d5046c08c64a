// Some hundreds of seeds, as many as there is time for; and that a seed is always the same world. Each run
// is a process of its own, because the worlds take over its clock, its timers and its chance.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const RUN = join(import.meta.dirname, 'run.ts')
const SECONDS = 12
/** On two processors that have nothing else to do it is some hundreds. */
const LEAST_SEEDS = 20

interface Run {
  readonly code: number
  readonly output: string
}

function run(...options: readonly string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, [RUN, ...options], (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr })
    })
  })
}

describe('simulated worlds', () => {
  it.concurrent.each([1, 100_001])(
    'keep every invariant from seed %i on',
    async (from) => {
      const bounds = ['--seconds', String(SECONDS), '--least', String(LEAST_SEEDS)]
      const { code, output } = await run('--from', String(from), '--seeds', '1000', ...bounds)
      expect(code, output).toBe(0)
      const played = Number(/^(\d+) seeds, 0 failed/m.exec(output)?.[1])
      expect(played).toBeGreaterThanOrEqual(LEAST_SEEDS)
    },
    240_000,
  )
})

describe('a seed', () => {
  it('replays exactly, alone or after others, and others are others', async () => {
    const [together, alone] = await Promise.all([
      run('--from', '1', '--seeds', '8', '--hashes'),
      run('--seed', '7,6,2', '--hashes'),
    ])
    const hashes = (output: string) =>
      new Map([...output.matchAll(/^(\d+) ([0-9a-f]{8})$/gm)].map(([, seed, hash]) => [seed, hash]))
    const eight = hashes(together.output)
    expect(new Set(eight.values()).size).toBe(8)
    const [two, six, seven] = ['2', '6', '7'].map((seed) => eight.get(seed))
    expect(Object.fromEntries(hashes(alone.output))).toEqual({ 2: two, 6: six, 7: seven })
  }, 240_000)

  it('has at least 2,000 events', async () => {
    const { output } = await run('--seeds', '8')
    expect(Number(/(\d+) events/.exec(output)?.[1])).toBeGreaterThanOrEqual(8 * 2_000)
  }, 240_000)

  it('that fails says its number, the invariant and the last events', async () => {
    const { code, output } = await run('--bug', 'aborted-transaction-forgotten', '--seeds', '50')
    expect(code).toBe(1)
    expect(output).toMatch(/^seed \d+ of «transactions» fails after \d+ events:$/m)
    expect(output).toMatch(/^ {2}read-committed-sees-all-or-nothing: /m)
    expect(output.match(/^ {2}\d+ .*main\//gm)?.length).toBeGreaterThan(20)
  }, 240_000)
})
