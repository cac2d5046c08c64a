import { describe, expect, it } from 'vitest'
import { textOf } from '../../src/core/text.ts'
import { eventMode, recordOfBinaryEvent, recordsOfEvents } from '../../src/http/cloud-events.ts'
import { acceptsEvents, eventOf } from '../../src/http/cloud-events-out.ts'
import { Problem } from '../../src/http/problem.ts'
import type { IncomingRecord } from '../../src/http/record-in.ts'

const EVENT = { specversion: '1.0', id: '1', source: '/s', type: 't' }
const TOPIC = { name: 'orders', id: 'topic-id' } as Parameters<typeof eventOf>[1]

const shown = (record: IncomingRecord | Problem | undefined) => {
  if (record === undefined || record instanceof Problem) throw new Error(JSON.stringify(record))
  return {
    key: record.key === null ? null : textOf(record.key),
    value: record.value === null ? null : textOf(record.value),
    headers: Object.fromEntries(
      record.headers.map(({ key, value }) => [key, value === null ? null : textOf(value)]),
    ),
  }
}
const one = (event: unknown, overrides = {}) => {
  const records = recordsOfEvents(JSON.stringify(event), 'structured', overrides)
  return records instanceof Problem ? records : records[0]
}

describe('the mode of a request', () => {
  it.each([
    ['application/cloudevents+json', {}, 'structured'],
    ['Application/CloudEvents+JSON; charset=utf-8', {}, 'structured'],
    ['application/cloudevents-batch+json', {}, 'batched'],
    ['application/json', { 'ce-specversion': '1.0' }, 'binary'],
    ['application/cloudevents+json', { 'ce-specversion': '1.0' }, 'structured'],
    ['application/json', {}, null],
    ['text/plain', { 'ce-id': '1' }, null],
  ])('of %s with %j is %s', (type, more, mode) => {
    expect(eventMode(new Headers({ 'content-type': type, ...more }))).toBe(mode)
  })

  it('is none for a format other than JSON', () => {
    const problem = eventMode(new Headers({ 'content-type': 'application/cloudevents+avro' }))
    expect((problem as Problem).body()).toMatchObject({ status: 415, field: 'content-type' })
  })
})

describe('an event in structured mode', () => {
  it('is the value, as it was sent, and partitionkey is the key', () => {
    const text = `{"specversion":"1.0", "id":"1","source":"/s","type":"t",
      "partitionkey":"ключ","data":12345678901234567890}`
    const records = recordsOfEvents(text, 'structured')
    expect(shown((records as IncomingRecord[])[0])).toEqual({
      key: 'ключ',
      value: text,
      headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
    })
  })

  it('has no key without partitionkey, and the one of the query before it', () => {
    expect(shown(one(EVENT)).key).toBe(null)
    expect(shown(one({ ...EVENT, partitionkey: 'a' }, { key: 'b' })).key).toBe('b')
    expect(one(EVENT, { partition: 3, timestamp: 5 })).toMatchObject({ partition: 3, timestamp: 5 })
  })

  it('of a batch is a record of its own', () => {
    const batch = ` [ ${JSON.stringify(EVENT)} ,\n${JSON.stringify({ ...EVENT, id: '2' })}]`
    const records = recordsOfEvents(batch, 'batched') as IncomingRecord[]
    expect(records.map((record) => JSON.parse(shown(record).value ?? '').id)).toEqual(['1', '2'])
    expect(recordsOfEvents('[]', 'batched')).toEqual([])
  })

  it.each([
    [{ ...EVENT, specversion: '0.3' }, 'specversion'],
    [{ ...EVENT, id: undefined }, 'id'],
    [{ ...EVENT, id: '' }, 'id'],
    [{ ...EVENT, source: 7 }, 'source'],
    [{ ...EVENT, type: null }, 'type'],
    [{ ...EVENT, time: 'yesterday' }, 'time'],
    [{ ...EVENT, time: '2026-02-30' }, 'time'],
    [{ ...EVENT, Upper: 'x' }, 'Upper'],
    [{ ...EVENT, deep: {} }, 'deep'],
    [
      JSON.parse('{"__proto__":{},"specversion":"1.0","id":"1","source":"s","type":"t"}'),
      '__proto__',
    ],
    [{ ...EVENT, large: 2 ** 31 }, 'large'],
    [{ ...EVENT, half: '\ud800' }, 'half'],
    [{ ...EVENT, data: 1, data_base64: 'AA==' }, 'data'],
    [{ ...EVENT, data_base64: 'A' }, 'data_base64'],
    [[EVENT], ''],
    ['text', ''],
    [null, ''],
  ])('%j is refused', (event, field) => {
    const problem = one(event)
    expect(problem).toBeInstanceOf(Problem)
    expect((problem as Problem).body()).toMatchObject({
      code: 'INVALID_REQUEST',
      status: 400,
      field,
    })
  })

  it('says which one of a batch is refused', () => {
    const problem = recordsOfEvents(JSON.stringify([EVENT, { ...EVENT, id: 1 }]), 'batched')
    expect((problem as Problem).body()).toMatchObject({ field: '[1].id', status: 400 })
    const none = recordsOfEvents(JSON.stringify(EVENT), 'batched')
    expect((none as Problem).body()).toMatchObject({ status: 400 })
  })

  it.each([
    [{ ...EVENT, time: null }],
    [{ ...EVENT, time: '1969-07-20T20:17:40Z', n: -5, b: true }],
  ])('%j is taken', (event) => {
    expect(shown(one(event)).value).toBe(JSON.stringify(event))
  })
})

describe('an event in binary mode', () => {
  const binary = (headers: Record<string, string>, body = 'data') =>
    recordOfBinaryEvent(
      new Headers({
        'ce-specversion': '1.0',
        'ce-id': '1',
        'ce-source': '/s',
        'ce-type': 't',
        ...headers,
      }),
      new TextEncoder().encode(body),
      {},
    )

  it('has its attributes as headers and its data as the value', () => {
    const record = binary({
      'content-type': 'text/plain',
      'ce-subject': 'caf%C3%A9 100%',
      'ce-partitionkey': 'k',
      'x-other': 'no',
    })
    expect(shown(record)).toEqual({
      key: 'k',
      value: 'data',
      headers: {
        ce_specversion: '1.0',
        ce_id: '1',
        ce_source: '/s',
        ce_type: 't',
        ce_subject: 'café 100%',
        ce_partitionkey: 'k',
        'content-type': 'text/plain',
      },
    })
  })

  it('without data is a null value, with empty data an empty one', () => {
    expect(shown(binary({}, '')).value).toBe(null)
    expect(shown(binary({ 'content-type': 'text/plain' }, '')).value).toBe('')
  })

  it.each([
    [{ 'ce-id': '' }, 'ce-id'],
    [{ 'ce-specversion': '2.0' }, 'ce-specversion'],
    [{ 'ce-time': 'noon' }, 'ce-time'],
    [{ 'ce-no_such': 'x' }, 'ce-no_such'],
    [{ 'ce-__proto__': 'x' }, 'ce-__proto__'],
    [{ 'ce-subject': '%FF' }, 'ce-subject'],
  ])('with %j is refused', (headers, field) => {
    const problem = binary(headers)
    expect((problem as Problem).body()).toMatchObject({ status: 400, field })
  })
})

describe('a record as an event', () => {
  const RECORD = { partition: 2, offset: 7, timestamp: 1_700_000_000_123, key: null, headers: [] }
  const event = (record: object) => JSON.parse(eventOf({ ...RECORD, ...record }, TOPIC))
  const STRUCTURED = [{ key: 'content-type', value: 'application/cloudevents+json; charset=UTF-8' }]
  const BINARY = ['specversion', 'id', 'source', 'type'].map((name) => ({
    key: `ce_${name}`,
    value: name === 'specversion' ? '1.0' : name,
  }))

  it('that is one in structured mode is given as it is', () => {
    const value = '{"specversion":"1.0","id":"1","source":"s","type":"t","data":1.10}'
    expect(eventOf({ ...RECORD, value, headers: STRUCTURED }, TOPIC)).toBe(value)
  })

  it.each(['{"specversion":"1.0"}', 'no json', null])(
    'that only says so (%j) is wrapped',
    (value) => {
      expect(event({ value, headers: STRUCTURED })).toMatchObject({
        id: '2:7',
        type: 'ottla.record',
      })
    },
  )

  it.each([
    ['application/json', { value: '{"a":1.50}' }, { data: { a: 1.5 } }],
    ['application/vnd.x+json', { value: '[]' }, { data: [] }],
    ['application/json', { value: 'no json' }, { data_base64: 'bm8ganNvbg==' }],
    ['text/plain', { value: '5' }, { data: '5' }],
    ['image/png', { valueBase64: '/wA=' }, { data_base64: '/wA=' }],
    ['text/plain', { value: null }, {}],
  ])('in binary mode of type %s with %j has the data %j', (type, value, data) => {
    const headers = [...BINARY, { key: 'content-type', value: type }, { key: 'ce_BAD', value: 'x' }]
    expect(event({ ...value, key: 'k', headers })).toEqual({
      specversion: '1.0',
      id: 'id',
      source: 'source',
      type: 'type',
      partitionkey: 'k',
      datacontenttype: type,
      ...data,
    })
  })

  it('that is none is wrapped with where and when it is from', () => {
    expect(event({ value: '{"n":1}', keyBase64: '/w==' })).toEqual({
      specversion: '1.0',
      id: '2:7',
      source: '/v1/topics/orders#topic-id',
      type: 'ottla.record',
      time: '2023-11-14T22:13:20.123Z',
      keybase64: '/w==',
      data: { n: 1 },
    })
    expect(event({ value: 'text' })).toMatchObject({ datacontenttype: 'text/plain', data: 'text' })
    expect(event({ value: null, timestamp: -1 })).not.toHaveProperty('time')
  })

  it('that cannot be read says so and is no gap', () => {
    const damage = { partition: 2, offset: 7, lastOffset: 9, error: 'CORRUPT_MESSAGE', detail: 'x' }
    const { type, data } = JSON.parse(eventOf(damage, TOPIC))
    expect({ type, data }).toEqual({ type: 'ottla.malformed', data: damage })
  })

  it.each([
    ['application/cloudevents-batch+json', true],
    ['application/json;q=0.5, application/cloudevents-batch+json', true],
    ['application/json, application/cloudevents-batch+json;q=0.1', false],
    ['application/cloudevents-batch+json;q=0', false],
    ['*/*', false],
    [null, false],
  ])('is asked for by Accept: %s is %s', (accept, expected) => {
    expect(acceptsEvents(accept)).toBe(expected)
  })
})
