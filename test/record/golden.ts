// Contents that the generators of test/vectors/batches.json and lz4-frames.json used, made again here,
// and the vectors themselves. Not tests.

import type { NewRecord } from '../../src/record/build.ts'
import vectors from '../vectors/batches.json' with { type: 'json' }

const T0 = 1_700_000_000_000

/** Bytes without repetition: the high half of a linear congruence. */
export function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = 12345
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1103515245) + 12345) | 0
    bytes[at] = state >>> 16
  }
  return bytes
}

const WORDS = [
  'broker',
  'leader',
  'offset',
  'record',
  'batch',
  'topic',
  'epoch',
  'group',
  'lag',
  'log',
]

/** Text of so many bytes with short repetitions, then that text again and again. */
export function text(length: number): Uint8Array {
  const page = new Uint8Array(3000)
  const picks = noise(3000)
  const words = [...picks].map((pick) => `${WORDS[pick % WORDS.length]}-${pick} `).join('')
  new TextEncoder().encodeInto(words, page)
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += page.length)
    bytes.set(page.subarray(0, Math.min(page.length, length - at)), at)
  return bytes
}

export function utf8(string: string): Uint8Array {
  return new TextEncoder().encode(string)
}

function mixed(): NewRecord[] {
  const record = (timestamp: number, key: string | null, value: string | null): NewRecord => ({
    timestamp,
    key: key === null ? null : utf8(key),
    value: value === null ? null : utf8(value),
    headers: [],
  })
  return [
    record(T0, 'key', 'value'),
    record(T0 - 1500, null, 'no key'),
    record(T0 + 70_000, 'tombstone', null),
    record(T0 + 1, '', ''),
    {
      ...record(T0 + 2, null, null),
      headers: [
        { key: 'a', value: utf8('1') },
        { key: 'a', value: utf8('2') },
        { key: 'né', value: null },
        { key: '', value: utf8('') },
      ],
    },
    {
      ...record(T0 + 86_400_000 * 40, 'späť', 'v'.repeat(300)),
      headers: [{ key: 'h', value: utf8('x'.repeat(130)) }],
    },
  ]
}

/** The records of a golden batch by the name of its content. */
export function contentOf(name: string): NewRecord[] {
  if (name === 'mixed') return mixed()
  if (name === 'many')
    return Array.from({ length: 400 }, (_, n) => ({
      timestamp: T0 + n,
      key: utf8(`key-${n % 7}`),
      value: utf8(`{"n":${n},"text":"the same words again and again"}`),
      headers: [],
    }))
  return [
    { timestamp: T0, key: utf8('noise'), value: noise(70_000), headers: [] },
    { timestamp: T0, key: utf8('zeros'), value: new Uint8Array(150_000), headers: [] },
    { timestamp: T0, key: utf8('noise'), value: noise(3_000), headers: [] },
  ]
}

export interface GoldenBatch {
  readonly name: string
  readonly content: string
  readonly bytes: Uint8Array
}

/** Batches that the Java client library made. */
export const goldenBatches: readonly GoldenBatch[] = vectors.batches.map(
  ({ name, content, base64 }) => ({ name, content, bytes: fromBase64(base64) }),
)

export function goldenBatch(name: string, content: string): Uint8Array {
  const found = goldenBatches.find((batch) => batch.name === name && batch.content === content)
  if (found === undefined) throw new Error(`there is no golden batch ${name} of ${content}`)
  return found.bytes.slice()
}

export function fromBase64(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
}
