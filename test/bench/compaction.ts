// `node --expose-gc test/bench/compaction.ts [--mb N] [--keys N] [--codec NAME]`: how many megabytes of log a
// second a compaction goes over, by codec, what it holds in memory and how long its steps are; with --keys also
// over so many different keys. For work on compaction: the figures of the bench are figures/compaction.ts.

import { parseArgs } from 'node:util'
import type { CodecName } from '../../src/record/compression.ts'
import { installHooks } from '../simulation/hooks.ts'
import type { LogShape } from './load/compacted-log.ts'

installHooks(null)
const { CompactedLog } = await import('./load/compacted-log.ts')

const MB = 1e6

const { values } = parseArgs({
  options: {
    mb: { type: 'string', default: '32' },
    keys: { type: 'string' },
    codec: { type: 'string' },
    value: { type: 'string' },
  },
})

function compact(shape: LogShape): void {
  const log = new CompactedLog(shape)
  try {
    const { written } = log
    const { ms, cpuMs, steps, longestStepMs, leftBytes, rowsWritten, usedBytes } = log.compact()
    const rate = (bytes: number, took: number) => `${(bytes / MB / (took / 1e3)).toFixed(0)} MB/s`
    console.log(
      [
        `${shape.codec.padEnd(6)} values of ${shape.valueBytes}: ${written.records} records`,
        `${(written.bytes / MB).toFixed(0)} MB in ${written.chunks} chunks, ${(leftBytes / MB).toFixed(0)} MB left`,
        `${(ms / 1e3).toFixed(2)} s, ${rate(written.bytes, ms)} of log, ${rate(shape.contentBytes, ms)} of content (${rate(written.bytes, cpuMs)} of processor)`,
        `${steps} steps, the longest ${longestStepMs.toFixed(0)} ms`,
        `${rowsWritten} rows written`,
        `${(usedBytes / MB).toFixed(0)} MB in use, ${(process.memoryUsage().rss / MB).toFixed(0)} MB resident`,
      ].join('; '),
    )
  } finally {
    log.close()
  }
}

const contentBytes = Number(values.mb) * MB
const codecs = (values.codec ?? 'none,lz4,snappy,zstd,gzip').split(',') as CodecName[]
for (const codec of codecs) {
  for (const valueBytes of (values.value ?? '1024,100').split(',').map(Number)) {
    compact({ codec, contentBytes, valueBytes, recordsPerKey: 10 })
  }
}
if (values.keys !== undefined) {
  const valueBytes = 16
  // Keys in no order: some come twice, and some never.
  const contentBytes = Number(values.keys) * (valueBytes + 20)
  compact({ codec: 'none', contentBytes, valueBytes, recordsPerKey: 1 })
}
