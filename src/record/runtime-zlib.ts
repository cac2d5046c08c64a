// node:zlib, taken from the runtime when it is first needed: named in an import it would be compiled, with all that it
// stands on, at every start, and most brokers never meet its codecs.

type Zlib = typeof import('node:zlib')

/** The runtime's `process`, of which these projects have no types. */
interface Runtime {
  readonly process: { getBuiltinModule(name: 'node:zlib'): Zlib }
}

let loaded: Zlib | null = null

/** The module. */
export function zlib(): Zlib {
  loaded ??= (globalThis as unknown as Runtime).process.getBuiltinModule('node:zlib')
  return loaded
}
