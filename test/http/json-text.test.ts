import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { elementSpans, memberSpans } from '../../src/http/json-text.ts'

describe('the text of parts of a JSON document', () => {
  it('is that of each member, with whatever space there is', () => {
    const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue())
    fc.assert(
      fc.property(object, fc.nat({ max: 4 }), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        const parsed = JSON.parse(text)
        const members = memberSpans(text, 0)
        expect([...members.keys()].sort()).toEqual(Object.keys(parsed).sort())
        for (const [name, { start, end }] of members) {
          expect(JSON.parse(text.slice(start, end))).toEqual(parsed[name])
        }
      }),
    )
  })

  it('is that of each element', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.nat({ max: 4 }), (value, indent) => {
        const text = ` \n${JSON.stringify(value, null, indent)}\t`
        const parsed = elementSpans(text, 0).map(({ start, end }) =>
          JSON.parse(text.slice(start, end)),
        )
        expect(parsed).toEqual(JSON.parse(text))
      }),
    )
  })

  it.each([
    ['{"a":"\\\\"}', 'a', '"\\\\"'],
    ['{"a":"\\"}","b":[{"}":"]"}]}', 'b', '[{"}":"]"}]'],
    ['{"a": 12345678901234567890 }', 'a', '12345678901234567890'],
    ['{"a":1.50,"b":1}', 'a', '1.50'],
    ['{"a":1,"a": {"x" : 1, "x" : 2}}', 'a', '{"x" : 1, "x" : 2}'],
    ['{"\\u0061":true}', 'a', 'true'],
  ])('of %s at %s is %s', (text, name, expected) => {
    const span = memberSpans(text, 0).get(name)!
    expect(text.slice(span.start, span.end)).toBe(expected)
  })
})
