// Builds what the tests run and is older than its sources: the WASM module, and for tests of the whole
// broker its bundle and launcher. Vitest's global set-up; not a test.

import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'

const SCRIPT = resolve(import.meta.dirname, '../src/cli/from-source.mjs')

/** Runs once per project, before its tests. Throws when it does not build: old code is not tested. */
export default function build({ name }: { readonly name: string }): void {
  const what = name === 'pure' ? ['wasm'] : []
  const { status } = spawnSync(process.execPath, [SCRIPT, 'stale', ...what], { stdio: 'inherit' })
  if (status !== 0) throw new Error('the build failed')
}
