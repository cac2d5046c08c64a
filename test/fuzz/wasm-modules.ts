// Lets plain Node import `*.wasm` as the Worker does: for what runs outside vitest. Import it before anything of src.

import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { wasmModules } from '../wasm-plugin.ts'

const plugin = wasmModules()

registerHooks({
  load(url, context, next) {
    const source = url.endsWith('.wasm') ? plugin.load(fileURLToPath(url)) : null
    return source === null ? next(url, context) : { format: 'module', source, shortCircuit: true }
  },
})
