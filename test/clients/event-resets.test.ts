// What a reader of events is told by a broker as it is started when its topic was trimmed, deleted or
// recreated, while its stream was open and while it was away; and streams of several topics and of one key.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Broker, startBroker } from './broker.ts'
import { ResumingReader, type SeenEvent } from './event-source.ts'

let broker: Broker
const readers: ResumingReader[] = []

beforeAll(async () => {
  broker = await startBroker()
})

afterAll(async () => {
  for (const reader of readers) reader.stop()
  await broker.stop()
})

async function call(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${broker.http}/v1${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const text = await response.text()
  expect(response.ok, text).toBe(true)
  return text === '' ? null : JSON.parse(text)
}

async function create(name: string, partitions = 1): Promise<string> {
  const { id } = (await call('POST', '/topics', { name, partitions })) as { id: string }
  return id
}

const produce = (topic: string, ...values: string[]) =>
  call('POST', `/topics/${topic}/records`, {
    records: values.map((value) => ({ value, partition: 0 })),
  })

/** A reader who follows until the end of the test, or what told it not to come back. */
function follow(path: string, lastId = ''): { reader: ResumingReader; end: Promise<string> } {
  const reader = new ResumingReader(() => Number(new URL(broker.http).port), `/v1${path}`, lastId)
  readers.push(reader)
  const end = reader.run().then(
    () => '',
    (error: Error) => error.message,
  )
  return { reader, end }
}

/** The events that come, once there are so many. */
async function seen(reader: ResumingReader, count: number): Promise<readonly SeenEvent[]> {
  await expect.poll(() => reader.events.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(count)
  return reader.events
}

const shown = ({ name, data }: SeenEvent) =>
  name === 'message' ? JSON.parse(data).value : { [name]: JSON.parse(data) }

describe('a reader of events', () => {
  it('that was away while its records were deleted is told which, and gets the rest', async () => {
    await create('trimmed')
    await produce('trimmed', 'a', 'b', 'c', 'd')
    await call('DELETE', '/topics/trimmed/partitions/0/records?before=3')
    const { reader } = follow('/topics/trimmed/events', '0:0')
    const events = await seen(reader, 2)
    const reset = {
      topic: 'trimmed',
      partition: 0,
      reason: 'trimmed',
      position: '0:0',
      next: '0:2',
    }
    expect(events.map(shown)).toEqual([{ reset }, 'd'])
    expect(events.map(({ id }) => id)).toEqual(['0:2', '0:3'])
  })

  it('whose topic is deleted under it is told, then refused, and told of the one that follows', async () => {
    const id = await create('moved')
    await produce('moved', 'a', 'b')
    const { reader, end } = follow('/topics/moved/events?from=earliest')
    await seen(reader, 2)
    await call('DELETE', '/topics/moved')
    // It comes back with the reset's id, and is told not to.
    expect(await end).toMatch(/^404 /)
    const deleted = { topic: 'moved', reason: 'deleted', position: '0:1', next: null }
    expect(reader.events.map(shown)).toEqual(['a', 'b', { reset: deleted }])
    expect(reader.lastId).toBe(`${id}/`)
    await create('moved')
    await produce('moved', 'new')
    const again = follow('/topics/moved/events', reader.lastId)
    const recreated = { topic: 'moved', reason: 'recreated', position: `${id}/`, next: '0:-1' }
    expect((await seen(again.reader, 2)).map(shown)).toEqual([{ reset: recreated }, 'new'])
  })

  it('that was away while its topic was recreated is told so, and gets all of the new one', async () => {
    const id = await create('reborn')
    await produce('reborn', 'a', 'b', 'c')
    await call('DELETE', '/topics/reborn')
    await create('reborn')
    await produce('reborn', 'x')
    // Named, it is certain; not named, it shows because the position lies outside.
    for (const [had, next] of [
      ['0:2', '0:-1'],
      [`${id}/0:0`, '0:-1'],
    ] as const) {
      const { reader } = follow('/topics/reborn/events', had)
      const reset = { topic: 'reborn', reason: 'recreated', position: had, next }
      expect((await seen(reader, 2)).map(shown)).toEqual([{ reset }, 'x'])
    }
  })

  it('of several topics gets all, and goes on with one when the other is deleted', async () => {
    const [one, two] = [await create('one', 2), await create('two')]
    const { reader } = follow('/events?topic=one&topic=two&from=earliest')
    await produce('one', 'a')
    await produce('two', 'b')
    await seen(reader, 2)
    expect(reader.lastId).toBe(`${one}/0:0,1:-1;${two}/0:0`)
    await call('DELETE', '/topics/one')
    await seen(reader, 3)
    await produce('two', 'c')
    const events = await seen(reader, 4)
    const reset = {
      topic: 'one',
      reason: 'deleted',
      position: `${one}/0:0,1:-1;${two}/0:0`,
      next: `${one}/;${two}/0:0`,
    }
    expect(events.map(shown).toSorted()).toEqual([{ reset }, 'a', 'b', 'c'])
    expect(reader.lastId).toBe(`${one}/;${two}/0:1`)
    expect(reader.connections).toBe(1)
  })

  it('of one key gets its records, and has its position moved by the others', async () => {
    await create('keyed', 4)
    const { reader } = follow('/topics/keyed/events?key=mine&from=earliest')
    const put = (key: string, value: string, partition: number) =>
      call('POST', '/topics/keyed/records', { records: [{ key, value, partition }] })
    const answer = await call('POST', '/topics/keyed/records', { key: 'mine', value: 'a' })
    const { partition } = (answer as { offsets: { partition: number }[] }).offsets[0]!
    await put('theirs', 'x', partition)
    await put('mine', 'b', partition)
    await put('theirs', 'y', partition)
    // In another partition than the key's: that is not asked.
    await put('mine', 'elsewhere', (partition + 1) % 4)
    expect((await seen(reader, 2)).map(shown)).toEqual(['a', 'b'])
    await expect.poll(() => reader.lastId, { timeout: 10_000 }).toBe(`${partition}:3`)
    expect(reader.events).toHaveLength(2)
    expect(reader.connections).toBe(1)
  })
})
