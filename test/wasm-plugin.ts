// A Vite plugin: `import m from '*.wasm'` gives a compiled WebAssembly.Module, as wrangler and workerd
// do. For Node tests, the SDK and console builds; not used by the Worker's own bundle.

import { readFileSync } from 'node:fs'

interface WasmPlugin {
  readonly name: string
  readonly enforce: 'pre'
  load(id: string): string | null
}

/** Compiles the file's bytes, inlined as base64, when the importing module is evaluated. */
export function wasmModules(): WasmPlugin {
  return {
    name: 'ottla:wasm-modules',
    enforce: 'pre',
    load(id) {
      if (!id.endsWith('.wasm')) return null
      const base64 = readFileSync(id).toString('base64')
      return [
        `const bytes = Uint8Array.from(atob(${JSON.stringify(base64)}), (c) => c.charCodeAt(0))`,
        'export default new WebAssembly.Module(bytes)',
      ].join('\n')
    },
  }
}
