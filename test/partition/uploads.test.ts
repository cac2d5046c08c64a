import { describe, expect, it } from 'vitest'
import { UPLOADS_PER_PARTITION } from '../../src/core/limits/partition.ts'
import { MESSAGE_MAX_BYTES } from '../../src/core/limits.ts'
import type { AppendPart } from '../../src/partition/contract.ts'
import { Uploads } from '../../src/partition/uploads.ts'
import { TARGET } from './harness.ts'

function part(upload: string, totalBytes: number, at: number, ...bytes: number[]): AppendPart {
  return { ...TARGET, configVersion: 1, upload, totalBytes, at, bytes: Uint8Array.from(bytes) }
}

/** Uploads whose timers the test fires. */
function setUp() {
  const timers = new Set<() => void>()
  const uploads = new Uploads((fire) => {
    timers.add(fire)
    return () => timers.delete(fire)
  })
  return { uploads, timers }
}

describe('a batch in pieces', () => {
  it('is whole with its last piece, whatever others send meanwhile', () => {
    const { uploads, timers } = setUp()
    expect(uploads.add(part('a', 4, 0, 1, 2))).toBeNull()
    expect(uploads.add(part('b', 2, 0, 9))).toBeNull()
    expect(uploads.add(part('a', 4, 2, 3, 4))).toEqual(Uint8Array.of(1, 2, 3, 4))
    expect(uploads.add(part('b', 2, 1, 8))).toEqual(Uint8Array.of(9, 8))
    expect(uploads.size).toBe(0)
    expect(timers.size).toBe(0)
  })

  it.each([
    ['a piece is missing', part('a', 4, 3, 4)],
    ['a piece comes twice', part('a', 4, 0, 1, 2)],
    ['a piece is too long', part('a', 4, 2, 3, 4, 5)],
  ])('is lost when %s', (_, wrong) => {
    const { uploads } = setUp()
    uploads.add(part('a', 4, 0, 1, 2))
    expect(uploads.add(wrong)).toBe('lost')
  })

  it.each([
    ['of no bytes', 0],
    ['of a negative length', -1],
    ['over the largest batch', MESSAGE_MAX_BYTES + 1],
    ['of a fraction', 1.5],
  ])('%s is refused before anything is allocated', (_, totalBytes) => {
    const { uploads } = setUp()
    expect(uploads.add(part('a', totalBytes, 0, 1))).toBe('lost')
    expect(uploads.size).toBe(0)
  })

  it('is dropped when no piece comes any more', () => {
    const { uploads, timers } = setUp()
    uploads.add(part('a', 4, 0, 1, 2))
    for (const fire of timers) fire()
    expect(uploads.size).toBe(0)
    expect(uploads.add(part('a', 4, 2, 3, 4))).toBe('lost')
  })

  it('has to wait for room when too many are under way', () => {
    const { uploads } = setUp()
    for (let each = 0; each < UPLOADS_PER_PARTITION; each++) uploads.add(part(`${each}`, 2, 0, 1))
    expect(uploads.add(part('more', 2, 0, 1))).toBe('lost')
    expect(uploads.add(part('0', 2, 1, 1))).toEqual(Uint8Array.of(1, 1))
    expect(uploads.add(part('more', 2, 0, 1))).toBeNull()
  })
})
