// `node test/partition/compaction/run.ts [--bug NAME] [--runs N] [--seed S]`: the model in plain Node, with
// a bug planted in the sources as they are loaded. Ends with 1 and the counterexample when it fails.

import { parseArgs } from 'node:util'
import { installHooks } from '../../simulation/hooks.ts'
import { PLANTED } from './planted.ts'

const { values } = parseArgs({
  options: {
    bug: { type: 'string' },
    runs: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
  },
})

const bug = PLANTED.find(({ name }) => name === values.bug) ?? null
if (values.bug !== undefined && bug === null) throw new Error(`no bug is called ${values.bug}`)
installHooks(bug)
const { checkModel } = await import('./model.ts')
try {
  await checkModel(Number(values.runs), Number(values.seed))
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
