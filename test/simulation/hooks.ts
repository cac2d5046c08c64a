// Lets plain Node load the Worker's own sources, Durable Object shells included: `cloudflare:workers` is
// the simulated platform, `*.wasm` a compiled module. And plants bugs: a planted bug is a change of the
// source text as it is loaded, so that nothing in src/ knows of it.

import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { PlantedBug } from './bugs/planted.ts'

const PLATFORM = new URL('./platform/workers.ts', import.meta.url).href
const SOURCES = new URL('../../src/', import.meta.url).href

/** The text that a bug replaces is not in its file, or not once: whoever changed the file mends the bug. */
export class BugDoesNotApply extends Error {
  override readonly name = 'BugDoesNotApply'
}

/** From now on modules are loaded as the head of this file says. */
export function installHooks(bug: PlantedBug | null): void {
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === 'cloudflare:workers') return { url: PLATFORM, shortCircuit: true }
      return next(specifier, context)
    },
    load(url, context, next) {
      if (url.endsWith('.wasm')) return { format: 'module', source: wasm(url), shortCircuit: true }
      const loaded = next(url, context)
      if (bug === null || !url.startsWith(SOURCES)) return loaded
      const edits = bug.edits.filter(({ file }) => url === SOURCES + file)
      if (edits.length === 0) return loaded
      let source = String(loaded.source)
      for (const edit of edits) source = edited(bug, edit, source)
      return { ...loaded, source }
    },
  })
}

/** The source with the bug in it. */
export function edited(
  bug: PlantedBug,
  { file, from, to }: PlantedBug['edits'][number],
  source: string,
): string {
  if (source.split(from).length !== 2) {
    throw new BugDoesNotApply(`${bug.name}: «${from}» is not in ${file} exactly once`)
  }
  return source.replace(from, () => to)
}

function wasm(url: string): string {
  const base64 = readFileSync(fileURLToPath(url)).toString('base64')
  return [
    `const bytes = Uint8Array.from(atob(${JSON.stringify(base64)}), (c) => c.charCodeAt(0))`,
    'export default new WebAssembly.Module(bytes)',
  ].join('\n')
}
