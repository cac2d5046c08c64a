// The model of a compacted log (model.ts), and that it finds bugs that are planted.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkModel } from './model.ts'
import { PLANTED } from './planted.ts'

const RUN = join(import.meta.dirname, 'run.ts')

/** Each bug is found within a few dozen lives from this seed on, as the sources are; more are tried. */
const SEED = '5'
const RUNS_WITH_BUG = '400'

function run(...args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [RUN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (text) => (output += text))
    child.stderr.on('data', (text) => (output += text))
    child.once('exit', (code) => resolve({ code, output }))
  })
}

/** The model's own words, so that a run that could not begin does not count. */
const FOUND = /Property failed|a key is there twice|the last record of/

describe('a compacted log', () => {
  it('is at every step what its records make it', async () => {
    await checkModel(Number(process.env.OTTLA_MODEL_RUNS ?? 25))
  }, 120_000)

  it.each(PLANTED)(
    'is seen to be wrong when $what',
    async ({ name }) => {
      const { code, output } = await run('--bug', name, '--runs', RUNS_WITH_BUG, '--seed', SEED)
      expect(output).toMatch(FOUND)
      expect(code).toBe(1)
    },
    120_000,
  )
})
