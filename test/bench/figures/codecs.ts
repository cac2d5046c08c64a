// CRC-32C and LZ4 in WebAssembly against native C on one core: the same algorithm compiled by cc -O3, and
// the reference library. In this process and in programs of our own; no broker. What is measured here is what
// the broker calls, copies into the module's memory and out of it included.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { discard } from '../../../src/core/bytes.ts'
import { lz4Compress, lz4Decompress } from '../../../src/core/lz4.ts'
import { crc32c } from '../../../src/core/wasm.ts'
import { compiled } from '../native/compile.ts'
import { newFolder, run } from '../processes.ts'
import { byTurns, type Figure, median, ratios } from '../rounds.ts'
import { orMissing } from '../systems/system.ts'

const CRC_GOAL = { atLeast: 0.6 }
const LZ4_GOAL = { atLeast: 0.5 }

/** The batches that producers send; 64 KiB is the largest block of an LZ4 frame. */
const CRC_BYTES = [1_024, 64 * 1_024]
const LZ4_BYTES = 1_024 * 1_024

/** Of each variant in each round. */
const MEASURED_MS = 200

/** CRC-32C at two sizes, then LZ4 both ways. */
export async function codecFigures(quick: boolean): Promise<Figure[]> {
  const rounds = quick ? 3 : 11
  const figures: Figure[] = []
  for (const bytes of CRC_BYTES) figures.push(...(await crcFigures(bytes, rounds)))
  return [...figures, ...(await lz4Figures(rounds))]
}

async function crcFigures(bytes: number, rounds: number): Promise<Figure[]> {
  const program = await orMissing('CRC-32C in C', () => compiled('crc32c'))
  if (program === null) return []
  const data = jsonLines(bytes)
  const file = join(newFolder(), 'data')
  writeFileSync(file, data)
  const { ours, native } = await byTurns(rounds, {
    ours: async () => ({ by8: rateOf(bytes, () => crc32c(data)), by16: 0, sum: crc32c(data) }),
    async native() {
      const printed = await run(program, [file, `${bytes}`, `${MEASURED_MS}`])
      return JSON.parse(printed) as { by8: number; by16: number; sum: number }
    },
  })
  if (native[0]?.sum !== ours[0]?.sum) throw new Error('the two sums differ')
  const rates = ours.map(({ by8 }) => by8)
  const by8 = native.map((each) => each.by8)
  const by16 = native.map((each) => each.by16)
  return [
    {
      name: `CRC-32C of ${bytes / 1_024} KiB in WASM / C, slicing by 8`,
      values: ratios(rates, by8),
      goal: CRC_GOAL,
      detail: `${gigabytes(rates)}, C ${gigabytes(by8)} by 8 and ${gigabytes(by16)} by 16 as the module does`,
    },
  ]
}

async function lz4Figures(rounds: number): Promise<Figure[]> {
  const program = await orMissing('LZ4 in C', () => compiled('lz4', 'lz4'))
  if (program === null) return []
  const data = jsonLines(LZ4_BYTES)
  const frame = lz4Compress(data)
  const folder = newFolder()
  const files = [join(folder, 'data'), join(folder, 'frame')] as const
  writeFileSync(files[0], data)
  writeFileSync(files[1], frame)
  const { ours, native } = await byTurns(rounds, {
    ours: async () => ({
      encode: rateOf(LZ4_BYTES, () => lz4Compress(data)),
      // Given back at once, as the broker does: else the pages of each content are new ones, and the system clears them.
      decode: rateOf(LZ4_BYTES, () => discard(lz4Decompress(frame, LZ4_BYTES))),
      bytes: frame.length,
      version: '',
    }),
    async native() {
      const printed = await run(program, [...files, `${MEASURED_MS}`])
      return JSON.parse(printed) as Record<'encode' | 'decode' | 'bytes', number> & {
        version: string
      }
    },
  })
  return (['decode', 'encode'] as const).map((way) => {
    const here = ours.map((each) => each[way])
    const there = native.map((each) => each[way])
    return {
      name: `LZ4 ${way} in WASM / C`,
      values: ratios(here, there),
      goal: LZ4_GOAL,
      detail:
        `${gigabytes(here)}, liblz4 ${native[0]?.version} ${gigabytes(there)} of content; 1 MiB of JSON ` +
        `becomes ${frame.length} bytes here, ${native[0]?.bytes} there`,
    }
  })
}

/**
 * Bytes per second of processor time of doing it again and again for a while, after a few times that do not count: what
 * else the machine does is then no part of it. The programs in C count the same.
 */
function rateOf(bytes: number, work: () => void): number {
  const times = 1 + Math.floor(1e6 / bytes)
  for (let time = 0; time < 3 * times; time++) work()
  const beganMs = threadMs()
  let done = 0
  let ms = 0
  while (ms < MEASURED_MS) {
    for (let time = 0; time < times; time++) work()
    done += times * bytes
    ms = threadMs() - beganMs
  }
  return (done * 1e3) / ms
}

/** Processor time of this thread. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1e3
}

/** Lines that are alike and not the same, as logs are: they compress to about a third. */
function jsonLines(bytes: number): Buffer {
  const lines: string[] = []
  let length = 0
  let state = 1
  while (length < bytes) {
    // A fixed sequence of numbers: the data are the same in every run.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const line = `{"order":${state},"customer":"c-${state % 5_003}","total":${(state >>> 7) % 10_000},"paid":${state % 3 === 0}}\n`
    lines.push(line)
    length += line.length
  }
  return Buffer.from(lines.join('')).subarray(0, bytes)
}

function gigabytes(bytesPerSecond: readonly number[]): string {
  return `${(median(bytesPerSecond) / 1e9).toFixed(2)} GB/s`
}
