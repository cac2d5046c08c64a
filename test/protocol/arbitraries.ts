// fast-check arbitraries derived from the declarations: any value that a message of a version can
// carry, in the form it decodes to. Not encodings.

import fc from 'fast-check'
import { ZERO_TOPIC_ID } from '../../src/core/ids.ts'
import type { ScalarKind, Shape } from '../../src/protocol/schema.ts'

const bytes = fc.uint8Array({ maxLength: 12 })

const uuid = fc.oneof(
  fc.constant<string>(ZERO_TOPIC_ID),
  fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((sixteen) => Buffer.from(sixteen).toString('base64url')),
)

const SCALARS: Readonly<Record<ScalarKind, fc.Arbitrary<unknown>>> = {
  bool: fc.boolean(),
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32_768, max: 32_767 }),
  uint16: fc.integer({ min: 0, max: 65_535 }),
  int32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  int64: fc.maxSafeInteger(),
  bigint64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float64: fc.double(),
  string: fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.string({ maxLength: 300 })),
  uuid,
  bytes,
  records: bytes,
}

/** Values of a field that the version has. */
export function arbitraryOf(shape: Shape, version: number): fc.Arbitrary<unknown> {
  const values = present(shape, version)
  return version >= shape.nullableFrom ? fc.option(values, { freq: 4 }) : values
}

function present(shape: Shape, version: number): fc.Arbitrary<unknown> {
  if (shape.kind === 'array') return fc.array(arbitraryOf(shape.element, version), { maxLength: 3 })
  if (shape.kind !== 'struct') return SCALARS[shape.kind]
  const fields = Object.entries(shape.fields).map(([name, field]) => {
    const has = version >= field.from && version <= field.until
    return [name, has ? arbitraryOf(field, version) : fc.constant(field.default)] as const
  })
  return fc.record(Object.fromEntries(fields))
}
