// Twenty rounds of the kill test with every run of the tests; thousands on demand (`npm run test:kill`).

import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const KILL = resolve(import.meta.dirname, '../kill.ts')
const ROUNDS = 20
/** On a machine that has little else to do a round takes less than two seconds. */
const WITHIN_MS = 600_000

test(
  `what a broker acknowledged is there after each of ${ROUNDS} kills`,
  async () => {
    const child = spawn(process.execPath, [KILL, '--rounds', String(ROUNDS)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(() => void child.kill('SIGTERM'))
    let printed = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => {
        printed += text.toString()
      })
    }
    const code = await new Promise<number | null>((done) => child.once('exit', done))
    console.log(printed)
    expect(code, printed).toBe(0)
  },
  WITHIN_MS,
)
