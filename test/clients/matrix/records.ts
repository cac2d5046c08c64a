// Records of scenarios: made, encoded as the adapters want them, compared field by field.

import type { Codec, ReadRecord, SendRecord } from './protocol.ts'

/** Every codec of record batches. */
export const ALL_CODECS: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

export function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

export function text(value: string | null): string | null {
  return value === null ? null : Buffer.from(value, 'base64').toString()
}

/** A record of two texts. */
export function record(
  key: string | null,
  value: string | null,
  more: Partial<Pick<SendRecord, 'partition' | 'timestamp' | 'headers'>> = {},
): SendRecord {
  return {
    key: key === null ? null : base64(key),
    value: value === null ? null : base64(value),
    headers: [],
    ...more,
  }
}

/** `count` records `key-i`, `value i …` of partition 0, or spread over `partitions` by turns. */
export function numbered(count: number, { from = 0, partitions = 1 } = {}): SendRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const number = from + index
    return record(`key-${number}`, `value ${number} äöü`, { partition: number % partitions })
  })
}

/** The texts of the values. */
export function values(records: readonly ReadRecord[]): (string | null)[] {
  return records.map(({ value }) => text(value))
}

/** Throws unless one partition's records are what was sent, in order. */
export function checkSame(read: readonly ReadRecord[], sent: readonly SendRecord[]): void {
  check(read.length === sent.length, `${sent.length} records`, `${read.length}`)
  for (const [index, expected] of sent.entries()) {
    const seen = read[index]
    if (seen === undefined) continue
    const where = `record ${index} (offset ${seen.offset})`
    equal(short(seen.key), short(expected.key), `${where}: key`)
    equal(short(seen.value), short(expected.value), `${where}: value`)
    equal(seen.value, expected.value, `${where}: value`)
    equal(seen.headers, expected.headers, `${where}: headers`)
    if (expected.timestamp !== undefined) {
      equal(seen.timestamp, expected.timestamp, `${where}: timestamp`)
    }
  }
}

function short(value: string | null): string | null {
  return value === null || value.length < 80 ? value : `${value.slice(0, 80)}…`
}

/** Throws "expected …, seen …" unless it holds. */
export function check(holds: boolean, expected: string, seen: string): void {
  if (!holds) throw new Error(`expected ${expected}, seen ${seen}`)
}

/** Throws unless both are the same JSON. */
export function equal(seen: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(seen), JSON.stringify(expected)]
  if (a !== b) throw new Error(`${what}: expected ${clip(b)}, seen ${clip(a)}`)
}

function clip(json: string | undefined): string {
  if (json === undefined) return 'undefined'
  return json.length <= 600 ? json : `${json.slice(0, 600)}… (${json.length} characters)`
}
