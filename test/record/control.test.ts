import { describe, expect, it } from 'vitest'
import { buildEndTransaction, readControlRecord } from '../../src/record/control.ts'
import { readBatchHeader } from '../../src/record/header.ts'
import { recordsOf, type StoredRecord } from '../../src/record/records.ts'
import { fromHex, goldenBatch } from './golden.ts'

function onlyRecord(batch: Uint8Array): StoredRecord {
  const records = [...recordsOf(batch)]
  expect(records.length).toBe(1)
  return records[0]!
}

function controlRecord(key: string | null, value: string | null): StoredRecord {
  const bytes = (hex: string | null) => (hex === null ? null : fromHex(hex))
  return { offset: 0, timestamp: 0, key: bytes(key), value: bytes(value), headers: [] }
}

const producer = { producerId: 4_000_000_123, producerEpoch: 7 }

describe('control batches', () => {
  it.each([
    ['commit', true, 19, 42],
    ['abort', false, 20, 43],
  ] as const)('a %s marker is as Kafka writes it', (kind, commit, coordinatorEpoch, baseOffset) => {
    const timestamp = 1_700_000_000_000 + baseOffset - 42
    const ours = buildEndTransaction({
      ...producer,
      commit,
      coordinatorEpoch,
      baseOffset,
      timestamp,
    })
    const kafkas = goldenBatch(kind, 'control')
    // Kafka puts epoch 0 of the leader in; ours is patched at append like any other.
    kafkas.set([0xff, 0xff, 0xff, 0xff], 12)
    expect(ours).toEqual(kafkas)
    const header = readBatchHeader(ours)
    expect(header).toMatchObject({ ...producer, control: true, transactional: true })
    expect(header.baseSequence).toBe(-1)
    expect(readControlRecord(onlyRecord(ours))).toEqual({ kind, coordinatorEpoch })
  })

  it.each(['leader change 0', 'leader change 1'])('a %s of Kafka is read', (name) => {
    expect(readControlRecord(onlyRecord(goldenBatch(name, 'control')))).toEqual({
      kind: 'leader-change',
      leaderId: 3,
      voters: [1, 3],
    })
  })

  it('a type that is not ours is told apart', () => {
    expect(readControlRecord(onlyRecord(goldenBatch('snapshot header', 'control')))).toEqual({
      kind: 'other',
      type: 3,
    })
  })

  it('newer versions may have more fields', () => {
    const record = controlRecord('0001 0001 ff', '0001 00000005 ff')
    expect(readControlRecord(record)).toEqual({ kind: 'commit', coordinatorEpoch: 5 })
  })

  it.each([
    ['no key', null, '0000 00000005'],
    ['a short key', '0000 00', '0000 00000005'],
    ['a negative key version', 'ffff 0001', '0000 00000005'],
    ['no value', '0000 0001', null],
    ['a short value', '0000 0001', '0000 000000'],
    ['a negative value version', '0000 0001', 'ffff 00000005'],
    ['a leader change without a value', '0000 0002', null],
    ['a short leader change', '0000 0002', '0000 000000'],
    ['a leader change with a voter cut', '0000 0002', '0000 00000003 02 000000'],
    ['a leader change with an unfinished count', '0000 0002', '0000 00000003 ff'],
  ])('a control record with %s is null', (_, key, value) => {
    expect(readControlRecord(controlRecord(key, value))).toBeNull()
  })
})
