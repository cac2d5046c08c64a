// The limits of src/ as a world may set them: a log of some hundred records is to have rows in pieces, several
// segments, maps that are full and steps that end in the middle. The sources import constants; as they
// are loaded (hooks.ts) these become variables, and the few places that copy one at load look it up.

import type { Edit } from './bugs/planted.ts'

/** Below src/. */
export const LIMITS_FILES: readonly string[] = [
  'core/limits.ts',
  'core/limits/coordinators.ts',
  'core/limits/partition.ts',
  'core/limits/tier.ts',
  'core/limits/watch.ts',
]

const STEP_BYTES = '= { bytes: COMPACTION_STEP_BYTES, ms: COMPACTION_STEP_MS }'
const BUSY_STEP_BYTES = '= { bytes: COMPACTION_BUSY_STEP_BYTES, ms: COMPACTION_BUSY_STEP_MS }'

/** Where a limit is copied when its module is loaded. */
export const SEAMS: readonly Edit[] = [
  {
    file: 'partition/compaction/chore.ts',
    from: STEP_BYTES,
    to: '= { get bytes() { return COMPACTION_STEP_BYTES }, ms: COMPACTION_STEP_MS }',
  },
  {
    file: 'partition/compaction/chore.ts',
    from: BUSY_STEP_BYTES,
    to: '= { get bytes() { return COMPACTION_BUSY_STEP_BYTES }, ms: COMPACTION_BUSY_STEP_MS }',
  },
  {
    file: 'partition/tail.ts',
    from: '  readonly #capacityBytes: number\n',
    to: '  get #capacityBytes(): number {\n    return TAIL_TOTAL_BYTES\n  }\n',
  },
  {
    file: 'partition/tail.ts',
    from: 'this.#capacityBytes = capacityBytes',
    to: 'void capacityBytes',
  },
  // Objects tell nobody of their figures: nothing else depends on it, and each timer would be an event.
  {
    file: 'runtime/reports.ts',
    from: '    if (this.#isPlanned) return\n',
    to: '    this.#isPlanned = true\n    if (this.#isPlanned) return\n',
  },
]

/** A file of limits with variables instead of constants, and a function that sets some of them. */
export function settable(source: string): string {
  const names = [...source.matchAll(/^export const (\w+)/gm)].map(([, name]) => name)
  const cases = names.map((name) => `case '${name}': ${name} = value; break`).join('\n')
  return [
    source.replace(/^export const /gm, 'export let '),
    `export function setLimit(name, value) { switch (name) { ${cases}`,
    'default: return false } return true }',
  ].join('\n')
}

/** Limits by their names. */
export type LimitValues = Readonly<Record<string, number>>

/** Sets these limits; all others are those of the sources. */
export async function setLimits(values: LimitValues): Promise<void> {
  for (const [name, value] of Object.entries(original)) await setLimit(name, value)
  original = {}
  for (const [name, value] of Object.entries(values)) {
    original[name] = await setLimit(name, value)
  }
}

/** Sets one limit, whatever file it is in; gives what it was. */
async function setLimit(name: string, value: number): Promise<number> {
  for (const file of LIMITS_FILES) {
    const loaded: Readonly<Record<string, unknown>> = await import(`../../src/${file}`)
    const { setLimit: set } = loaded
    if (typeof set !== 'function') throw new Error('the hooks are not installed')
    const before = Number(loaded[name])
    if (set(name, value) === true) return before
  }
  throw new Error(`there is no limit ${name}`)
}

let original: Record<string, number> = {}
