// What the bundlers give us and TypeScript cannot see. Not a place for our own types.

/** A WebAssembly file imported by wrangler, workerd or our Vite plugin is a compiled module. */
declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}
