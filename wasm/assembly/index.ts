// The codec module of Ottla: checksums and the compressions that the runtime does not have. Not a
// frame format: frames, bounds and layout of the memory are the TypeScript side's (src/core).
// Everything works on addresses of the module's one memory, which never grows.

export { crc32c } from './crc32c'
export { lz4Decode, lz4Encode } from './lz4'
export { scanRecords } from './records'
export { sipDigest, sipReset, sipSecret, sipUpdate } from './siphash'
export { snappyDecode, snappyEncode } from './snappy'
export { storedSumDigest, storedSumReset, storedSumUpdate } from './stored-sum'
export { xxh32Digest, xxh32Reset, xxh32Update } from './xxh32'
export { dataStart } from './layout'
