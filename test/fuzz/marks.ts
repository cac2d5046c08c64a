// Where the fields of a message lie in its bytes: found by decoding it once with a reader that takes notes, so that
// what mutates frames knows a count from a name without knowing any message. Not the mutations (mutations.ts).

import { Reader } from '../../src/core/bytes.ts'

/** What a field is to whoever would put something else there. */
export type MarkKind = 'int8' | 'int16' | 'int32' | 'int64' | 'uvarint' | 'raw'

/** One field: `length` bytes at `at`. `role` says what the number in it counts, if it counts anything. */
export interface Mark {
  readonly at: number
  readonly length: number
  readonly kind: MarkKind
  role: 'elements' | 'bytes' | null
}

/** Reads as any other reader, and writes down what it has read. */
export class MarkingReader extends Reader {
  readonly marks: Mark[] = []

  #note<T>(kind: MarkKind, read: () => T): T {
    const { at } = this
    const value = read()
    this.marks.push({ at, length: this.at - at, kind, role: null })
    return value
  }

  #counts(role: 'elements' | 'bytes'): void {
    const last = this.marks.at(-1)
    if (last !== undefined && last.kind !== 'raw') last.role = role
  }

  override int8(): number {
    return this.#note('int8', () => super.int8())
  }

  override bool(): boolean {
    return this.#note('int8', () => super.bool())
  }

  override int16(): number {
    return this.#note('int16', () => super.int16())
  }

  override uint16(): number {
    return this.#note('int16', () => super.uint16())
  }

  override int32(): number {
    return this.#note('int32', () => super.int32())
  }

  override int64(): number {
    return this.#note('int64', () => super.int64())
  }

  override bigint64(): bigint {
    return this.#note('int64', () => super.bigint64())
  }

  override float64(): number {
    return this.#note('int64', () => super.float64())
  }

  override uvarint(): number {
    return this.#note('uvarint', () => super.uvarint())
  }

  override bytes(length: number): Uint8Array {
    this.#counts('bytes')
    return this.#note('raw', () => super.bytes(length))
  }

  override utf8(length: number): string {
    this.#counts('bytes')
    return this.#note('raw', () => super.utf8(length))
  }

  override skip(length: number): void {
    this.#counts('bytes')
    this.#note('raw', () => super.skip(length))
  }

  override elements(count: number, minBytes: number): void {
    this.#counts('elements')
    super.elements(count, minBytes)
  }
}
