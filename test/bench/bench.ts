// `npm run bench`: speed and memory as ratios to other systems and to bare workerd, measured by turns in
// one run. Not a test: it exits 0 whatever the figures are, and 1 when one could not be measured.
//   --quick          the groups that --list marks, fewer rounds and less data (within 3 minutes)
//   --only NAME      one group of figures; repeatable
//   --json FILE      also writes the figures there, as plot.ts reads them
//   --list           the groups

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = join(import.meta.dirname, '../..')

// Node has no `import module from '*.wasm'` in the sense of workerd and wrangler: a compiled module.
registerHooks({
  load(url, context, next) {
    if (!url.endsWith('.wasm')) return next(url, context)
    const base64 = readFileSync(fileURLToPath(url)).toString('base64')
    const bytes = `Buffer.from('${base64}', 'base64')`
    return {
      format: 'module',
      shortCircuit: true,
      source: `export default new WebAssembly.Module(${bytes})`,
    }
  },
})

// The 'exit' listeners that end the child processes and remove their folders run on an exit only.
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

const built = spawnSync(process.execPath, [join(ROOT, 'src/cli/from-source.mjs'), 'stale'], {
  stdio: 'inherit',
})
if (built.status !== 0) process.exit(1)

// Imported only now: static imports would be loaded before the hook is there.
const { run } = await import('./figures.ts')
await run(process.argv.slice(2))
// A connection that a failed measurement left open would keep this process.
process.exit()
