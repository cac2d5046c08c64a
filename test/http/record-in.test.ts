import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Problem } from '../../src/http/problem.ts'
import { recordFromText, recordsFromText } from '../../src/http/record-in.ts'

const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString())

function storedText(json: string): string | null {
  const record = recordFromText(json)
  if (record instanceof Problem) throw new Error(JSON.stringify(record.body()))
  return text(record.value)
}

describe('a value in JSON', () => {
  it.each([
    ['a string is its UTF-8 bytes', '{"value":"zażółć\\n"}', 'zażółć\n'],
    ['an empty string is no bytes', '{"value":""}', ''],
    ['null is a tombstone', '{"key":"k","value":null}', null],
    ['absent is a tombstone', '{"key":"k"}', null],
    ['a number is its text', '{"value":12345678901234567890}', '12345678901234567890'],
    ['a fraction keeps its zeros', '{"value":1.50}', '1.50'],
    ['a boolean is its text', '{"value":false}', 'false'],
    ['an object is its text as sent', '{"value":{"b": 1,"a":[ ],"b":2}}', '{"b": 1,"a":[ ],"b":2}'],
    ['an array is its text', '{ "value" : [1,"]"] }', '[1,"]"]'],
    ['base64 is its bytes', '{"valueBase64":"AQID"}', '\u0001\u0002\u0003'],
  ])('%s', (_, json, expected) => {
    expect(storedText(json)).toBe(expected)
  })

  it('any JSON document but a string or null is stored as its text', () => {
    const document = fc.jsonValue().filter((value) => typeof value !== 'string' && value !== null)
    fc.assert(
      fc.property(document, (value) => {
        const json = JSON.stringify(value)
        expect(storedText(`{"value":${json}}`)).toBe(json)
      }),
    )
  })

  it('headers keep their order, repeat keys and take every form of a value', () => {
    const record = recordFromText(
      '{"headers":[{"key":"a","value":"1"},{"key":"a","valueBase64":"/w=="},{"key":"n","value":null},{"key":"j","value":{"x": 1}}]}',
    )
    if (record instanceof Problem) throw new Error('refused')
    expect(
      record.headers.map(({ key, value }) => [key, value && Buffer.from(value).toString('latin1')]),
    ).toEqual([
      ['a', '1'],
      ['a', '\xff'],
      ['n', null],
      ['j', '{"x": 1}'],
    ])
  })

  it('partition and timestamp are taken, and null when absent', () => {
    expect(recordFromText('{"partition":3,"timestamp":0}')).toMatchObject({
      partition: 3,
      timestamp: 0,
    })
    expect(recordFromText('{}')).toMatchObject({ partition: null, timestamp: null })
  })
})

describe('a record that is not one', () => {
  it.each([
    ['{"valeu":1}', 'valeu'],
    ['{"__proto__":1}', '__proto__'],
    ['{"value":1,"valueBase64":"AQ=="}', 'value'],
    ['{"keyBase64":"?"}', 'keyBase64'],
    ['{"keyBase64":"AQ"}', 'keyBase64'],
    ['{"keyBase64":7}', 'keyBase64'],
    ['{"value":"\\ud800"}', 'value'],
    ['{"partition":-1}', 'partition'],
    ['{"partition":1.5}', 'partition'],
    ['{"partition":"1"}', 'partition'],
    ['{"timestamp":"now"}', 'timestamp'],
    ['{"timestamp":-5}', 'timestamp'],
    ['{"headers":{}}', 'headers'],
    ['{"headers":[{"value":"x"}]}', 'headers[0].key'],
    ['{"headers":[{"key":"a"},{"key":"b","x":1}]}', 'headers[1].x'],
    ['{"headers":[{"key":"\\udc00"}]}', 'headers[0].key'],
    ['[]', ''],
    ['7', ''],
    ['null', ''],
    ['{', ''],
    ['', ''],
  ])('%s is refused naming "%s"', (json, field) => {
    const problem = recordFromText(json)
    expect(problem).toBeInstanceOf(Problem)
    expect((problem as Problem).body()).toMatchObject({
      code: 'INVALID_REQUEST',
      status: 400,
      field,
    })
  })
})

describe('a body of records', () => {
  it('is one record or a list, each with its own text', () => {
    expect(recordsFromText('{"value":1}')).toHaveLength(1)
    const list = recordsFromText('{"records": [ {"value":1.0}, {"value":{"a" :2}} ,{"value":"x"}]}')
    if (list instanceof Problem) throw new Error('refused')
    expect(list.map(({ value }) => text(value))).toEqual(['1.0', '{"a" :2}', 'x'])
    expect(recordsFromText('{"records":[]}')).toEqual([])
  })

  it.each([
    ['{"records":[{"value":1},{"partition":"x"}]}', 'records[1].partition'],
    ['{"records":[{"value":1},{"nope":1}]}', 'records[1].nope'],
    [
      '{"records":[{"headers":[{"key":"a","valueBase64":"*"}]}]}',
      'records[0].headers[0].valueBase64',
    ],
    ['{"records":{}}', 'records'],
    ['{"records":[],"extra":1}', 'extra'],
    ['[{"value":1}]', ''],
  ])('%s is refused naming "%s"', (json, field) => {
    const problem = recordsFromText(json)
    expect((problem as Problem).body()).toMatchObject({ status: 400, field })
  })
})
