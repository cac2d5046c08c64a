import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as authentication from '../../src/core/limits/authentication.ts'
import * as coordinators from '../../src/core/limits/coordinators.ts'
import * as partition from '../../src/core/limits/partition.ts'
import * as security from '../../src/core/limits/security.ts'
import * as tier from '../../src/core/limits/tier.ts'
import * as general from '../../src/core/limits.ts'
import { BATCH_HEADER_BYTES } from '../../src/record/header.ts'

const limits = { ...general, ...partition, ...tier }
const others = { ...authentication, ...coordinators, ...security }

/** What the Worker's isolate holds for its connections. */
const CONNECTIONS =
  limits.LARGE_FRAMES_TOTAL_BYTES +
  limits.LARGE_REPLIES_TOTAL_BYTES +
  limits.SMALL_FRAMES_TOTAL_BYTES +
  limits.SMALL_REPLIES_TOTAL_BYTES +
  limits.APPENDS_IN_FLIGHT_BYTES

/** What an isolate of partitions holds all the time. */
const PARTITIONS = limits.TAIL_TOTAL_BYTES + limits.EVENTS_SHARED_TOTAL_BYTES

describe('limits', () => {
  it('as many rows as one step merges are large together: nothing is left that could have joined them', () => {
    const { MERGE_STEP_ROWS, MERGE_BELOW_BYTES } = limits
    expect(MERGE_STEP_ROWS * BATCH_HEADER_BYTES).toBeGreaterThan(MERGE_BELOW_BYTES)
  })

  it('the lines of the memory budget sum to less than the total, all in one isolate as they are locally', () => {
    const lines = CONNECTIONS + PARTITIONS + limits.WASM_ARENA_BYTES
    expect(lines).toBeLessThan(limits.MEMORY_TOTAL_BYTES)
  })

  it('an isolate of partitions has room for a pass of compaction, as they are deployed', () => {
    const lines = PARTITIONS + limits.WASM_ARENA_BYTES + limits.COMPACTION_MAP_BYTES
    expect(lines).toBeLessThan(limits.MEMORY_TOTAL_BYTES)
  })

  it('an isolate of partitions has room for that, an upload to the tier and a large batch from it together', () => {
    const uploaded = Math.max(limits.TIER_UPLOAD_BYTES, limits.MESSAGE_MAX_BYTES)
    // The chunks, and the object that is made of them; then the object, and what is read back of it.
    const upload = 2 * uploaded + limits.TIER_READ_BACK_BYTES
    const reads = limits.TIER_INDEXES_TOTAL_BYTES + limits.MESSAGE_MAX_BYTES
    const lines = PARTITIONS + limits.WASM_ARENA_BYTES + limits.COMPACTION_MAP_BYTES
    expect(lines + upload + reads).toBeLessThan(limits.MEMORY_TOTAL_BYTES)
  })
})

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  '%': 0.01,
  KiB: 1024,
  MiB: 1024 ** 2,
  GB: 1e9,
}

/** Rows of the map's table that name constants: the number said, and what it is. */
function rowsOfTheMap(): { row: string; said: number; is: number }[] {
  const map = readFileSync(join(import.meta.dirname, '../../src/README.md'), 'utf8')
  const [, table = ''] = /\n## Limits\n([\s\S]*?)(\n## |$)/.exec(map) ?? []
  const all: Readonly<Record<string, unknown>> = { ...limits, ...others }
  return [...table.matchAll(/^\|[^|]+\| ([\d,.]+) ?(\S*) \|.*\| `([^`]+)` \|$/gm)].map(
    ([row, number = '', unit = '', names = '']) => {
      const time = { s: names.endsWith('_MS') ? 1_000 : 1 }[unit]
      const said = Number(number.replaceAll(',', '')) * (time ?? FACTORS[unit] ?? Number.NaN)
      const is = names.split(' × ').reduce((product, name) => product * Number(all[name]), 1)
      return { row, said, is }
    },
  )
}

describe('the table of limits in the map', () => {
  it('says what the constants are', () => {
    const rows = rowsOfTheMap()
    expect(rows.length).toBeGreaterThan(25)
    for (const { row, said, is } of rows) expect([row, said]).toEqual([row, is])
  })
})
