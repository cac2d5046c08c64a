// Lets plain Node load the Worker's own sources, Durable Object shells included: `cloudflare:workers` is
// the simulated platform, `*.wasm` a compiled module. Limits become what a world may set (limits.ts). And
// plants bugs. Both are changes of the source text as it is loaded, so that nothing in src/ knows of them.

import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Edit, PlantedBug } from './bugs/planted.ts'
import { LIMITS_FILES, SEAMS, settable } from './limits.ts'

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
      if (!url.startsWith(SOURCES)) return loaded
      const ofFile = ({ file }: Edit) => url === SOURCES + file
      const edits = (bug?.edits ?? []).filter(ofFile)
      const seams = SEAMS.filter(ofFile)
      const isLimits = LIMITS_FILES.some((file) => url === SOURCES + file)
      if (edits.length + seams.length === 0 && !isLimits) return loaded
      let source = String(loaded.source)
      for (const edit of edits) source = edited(bug?.name ?? '', edit, source)
      for (const seam of seams) source = edited('a seam of the simulation', seam, source)
      return { ...loaded, source: isLimits ? settable(source) : source }
    },
  })
}

/** The source with an edit in it. */
export function edited(name: string, { file, from, to }: Edit, source: string): string {
  if (source.split(from).length !== 2) {
    throw new BugDoesNotApply(`${name}: «${from}» is not in ${file} exactly once`)
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
