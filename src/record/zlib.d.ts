// node:zlib as far as compression.ts uses it: these projects have no Node types. Not a full description.

declare module 'node:zlib' {
  interface Options {
    level?: number
    maxOutputLength?: number
    params?: Record<number, number>
  }
  export function gzipSync(data: Uint8Array, options?: Options): Uint8Array
  export function gunzipSync(data: Uint8Array, options?: Options): Uint8Array
  export function zstdCompressSync(data: Uint8Array, options?: Options): Uint8Array
  export function zstdDecompressSync(data: Uint8Array, options?: Options): Uint8Array
  export const constants: Record<string, number>
}
