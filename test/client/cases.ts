// What the client promises, as cases that run wherever it does: in Node, in workerd and in a page, each against
// the same broker. They need nothing but the client and the runtime. Runners: test/clients/sdk.test.ts.

import type * as Client from '../../src/client/client.ts'

/** What a case is given. */
export interface Given {
  /** Of a broker. */
  readonly url: string
  /** The client as this runtime imports it. */
  readonly client: typeof Client
  /** Of a topic with three partitions, made for this case. */
  readonly topic: string
}

function equal(actual: unknown, expected: unknown, what = 'value'): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (a !== b) throw new Error(`${what}: ${a} instead of ${b}`)
}

/** The error that a promise rejects with. */
async function rejected(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it did not reject')
}

async function take<Value>(loop: AsyncIterable<Value>, count: number): Promise<Value[]> {
  const values: Value[] = []
  for await (const value of loop) {
    values.push(value)
    if (values.length === count) break
  }
  return values
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** A schema as libraries make them, for numbers. */
const whole = {
  '~standard': {
    version: 1,
    vendor: 'cases',
    validate: (value: unknown) =>
      Number.isInteger(value) ? { value: value as number } : { issues: [{ message: 'not whole' }] },
    types: undefined as { readonly input: number; readonly output: number } | undefined,
  },
} as const

/** By name. A case that fails throws. */
export const cases: Readonly<Record<string, (given: Given) => Promise<void>>> = {
  async 'what is produced is read, in order, with its position'({ url, client, topic }) {
    await using ottla = client.connect(url)
    const orders = ottla.topic(topic)
    const values = Array.from({ length: 200 }, (_, id) => ({ key: `k${id % 7}`, value: { id } }))
    const produced = await Promise.all(values.map((record) => orders.produce(record)))
    const read = await take(orders.tail({ from: 'earliest' }), 200)
    for (const [at, { partition, offset }] of produced.entries()) {
      const record = read.find((one) => one.partition === partition && one.offset === offset)
      equal([record?.key, record?.value], [values[at]?.key, values[at]?.value])
    }
    const rest = await take(orders.tail({ from: read[149]?.position ?? '' }), 50)
    equal(rest, read.slice(150), 'what follows the position')
  },

  async 'values, keys and headers come back as they were'({ url, client, topic }) {
    await using ottla = client.connect(url)
    const orders = ottla.topic(topic)
    const raw = new Uint8Array([0, 1, 254, 255])
    const values = [{ a: [1, null] }, 'täxt 😀', 7.5, false, [], null]
    await orders.produce(values.map((value) => ({ value, partition: 1 })))
    await ottla.topic(topic, { value: client.text }).produce({ value: 'plain', partition: 2 })
    const key = raw
    const headers = { trace: 'x', raw }
    await ottla
      .topic(topic, { value: client.bytes })
      .produce({ key, value: raw, partition: 0, headers })
    const read = await take(orders.tail({ from: 'earliest', partitions: [1] }), 6)
    equal(
      read.map(({ value }) => value),
      values,
    )
    const texts = ottla.topic(topic, { value: client.text })
    equal((await take(texts.tail({ from: 'earliest', partitions: [2] }), 1))[0]?.value, 'plain')
    const inBytes = ottla.topic(topic, { value: client.bytes })
    const [record] = await take(inBytes.tail({ from: 'earliest', partitions: [0] }), 1)
    equal([...(record?.value ?? [])], [...raw])
    equal([...(record?.key ?? [])], [...raw])
    equal(
      record?.headers.map(({ key }) => key),
      ['trace', 'raw'],
    )
    equal([...(record?.headers[1]?.value ?? [])], [...raw])
  },

  async 'a tail of a key reads that key alone'({ url, client, topic }) {
    await using ottla = client.connect(url)
    const orders = ottla.topic(topic)
    const records = Array.from({ length: 60 }, (_, id) => ({ key: `k${id % 6}`, value: id }))
    await orders.produce(records)
    const read = await take(orders.tail({ from: 'earliest', key: 'k4' }), 10)
    equal(
      read.map(({ value }) => value),
      [4, 10, 16, 22, 28, 34, 40, 46, 52, 58],
    )
  },

  async 'a tail follows what is produced while it waits'({ url, client, topic }) {
    await using ottla = client.connect(url)
    const orders = ottla.topic(topic)
    const reading = take(orders.tail(), 3)
    await sleep(300)
    for (let id = 0; id < 3; id++) await orders.produce({ key: 'one', value: id })
    equal(
      (await reading).map(({ value }) => value),
      [0, 1, 2],
    )
  },

  async 'a large record arrives whole'({ url, client, topic }) {
    await using ottla = client.connect(url)
    const orders = ottla.topic(topic, { value: client.text })
    const large = '0123456789é'.repeat(60_000)
    await orders.produce({ value: large, partition: 0 })
    await orders.produce({ value: 'small', partition: 0 })
    const read = await take(orders.tail({ from: 'earliest' }), 2)
    equal(
      read.map(({ value }) => value?.length),
      [large.length, 5],
    )
    equal(read[0]?.value === large, true)
  },

  async 'a group goes on where it was left, and begins again with what was not done'({
    url,
    client,
    topic,
  }) {
    await using ottla = client.connect(url)
    const orders = ottla.topic(topic)
    await orders.produce(Array.from({ length: 20 }, (_, id) => ({ value: id, partition: 0 })))
    const group = ottla.group(`${topic}-group`)
    const first = await take(group.consume(orders, { from: 'earliest' }), 8)
    equal(
      first.map(({ offset }) => offset),
      [0, 1, 2, 3, 4, 5, 6, 7],
    )
    // The loop was left while the eighth was in hand.
    const second = await take(group.consume(orders, { from: 'earliest' }), 5)
    equal(
      second.map(({ offset }) => offset),
      [7, 8, 9, 10, 11],
    )
    const bang = new Error('bang')
    const seen: number[] = []
    const throwing = async () => {
      for await (const { offset } of group.consume(orders)) {
        seen.push(offset)
        if (seen.length === 3) throw bang
      }
    }
    equal((await rejected(throwing())) === bang, true)
    equal(seen, [11, 12, 13])
    const manual = group.consume(orders, { commit: 'manual' })
    for await (const record of manual) {
      if (record.offset === 15) await record.commit()
      if (record.offset === 17) break
    }
    equal((await take(group.consume(orders), 1))[0]?.offset, 16)
  },

  async 'two members share what there is, each record once'({ url, client, topic }) {
    await using ottla = client.connect(url)
    await using other = client.connect(url)
    const orders = ottla.topic(topic)
    const seen = new Map<string, number>()
    const control = new AbortController()
    const read = async (from: Client.Ottla) => {
      let count = 0
      const options = { from: 'earliest', signal: control.signal } as const
      try {
        for await (const record of from.group(`${topic}-two`).consume(from.topic(topic), options)) {
          const at = `${record.partition}:${record.offset}`
          seen.set(at, (seen.get(at) ?? 0) + 1)
          count += 1
        }
      } catch (error) {
        if (error !== control.signal.reason) throw error
      }
      return count
    }
    const readers = [read(ottla), read(other)]
    let written = 0
    for (let round = 0; round < 100 && (seen.size < 60 || written < 60); round++) {
      if (written < 60) {
        await orders.produce([0, 1, 2].map((partition) => ({ value: round, partition })))
        written += 3
      }
      await sleep(100)
    }
    control.abort('seen')
    await Promise.all(readers)
    equal(seen.size, written, 'records seen')
  },

  async 'an abort rejects with its reason'({ url, client, topic }) {
    await using ottla = client.connect(url)
    const orders = ottla.topic(topic)
    for (const loop of [
      (signal: AbortSignal) => orders.tail({ signal }),
      (signal: AbortSignal) => ottla.group(`${topic}-aborted`).consume(orders, { signal }),
    ]) {
      const control = new AbortController()
      const next = loop(control.signal)[Symbol.asyncIterator]().next()
      setTimeout(() => control.abort('enough'), 200)
      equal(await rejected(next), 'enough')
    }
    const signal = AbortSignal.abort('before')
    equal(await rejected(orders.produce({ value: 1 }, { signal })), 'before')
  },

  async 'errors say what is wrong, by the names that Kafka has'({ url, client, topic }) {
    await using ottla = client.connect(url)
    const none = ottla.topic('no such topic!')
    const error = await rejected(none.produce({ value: 1 }))
    equal(error instanceof client.OttlaError, true, 'an OttlaError')
    const { code, retriable, status } = error as Client.OttlaError
    equal([code, retriable, status], ['UNKNOWN_TOPIC_OR_PARTITION', false, 404])
    const tail = (await rejected(take(none.tail(), 1))) as Client.OttlaError
    equal(tail instanceof client.OttlaError, true)
    const missing = (await rejected(ottla.fetch('/v1/topics/missing'))) as Client.OttlaError
    equal([missing.code, missing.status], ['UNKNOWN_TOPIC_OR_PARTITION', 404])
    const far = (await rejected(
      ottla.topic(topic).produce({ value: 1, partition: 99 }),
    )) as Client.OttlaError
    equal([far.code, far.retriable], ['UNKNOWN_TOPIC_OR_PARTITION', false])
  },

  async 'a schema is asked on both ways'({ url, client, topic }) {
    await using ottla = client.connect(url)
    const numbers = ottla.topic(topic, { value: whole })
    const error = await rejected(numbers.produce({ value: 1.5 }))
    equal(error instanceof client.SchemaError, true, 'a SchemaError')
    equal((error as Client.SchemaError).issues.length, 1)
    await ottla.topic(topic).produce([1, 'x', 3].map((value) => ({ value, partition: 0 })))
    const skipped = await take(numbers.tail({ from: 'earliest', onInvalid: 'skip' }), 2)
    equal(
      skipped.map(({ value }) => value),
      [1, 3],
    )
    const invalid = await rejected(take(numbers.tail({ from: 'earliest' }), 3))
    equal((invalid as Client.SchemaError).record.offset, 1)
  },

  async 'the state is told'({ url, client, topic }) {
    const ottla = client.connect(url)
    const states: string[] = []
    ottla.addEventListener('state', ({ state }) => states.push(state))
    equal(ottla.state, 'waiting')
    const next = ottla.topic(topic).tail().next()
    for (let at = 0; at < 100 && ottla.state !== 'live'; at++) await sleep(20)
    equal(ottla.state, 'live')
    await ottla.close()
    equal((await next).done, true)
    equal([states[0], states[1], states.at(-1)], ['connecting', 'live', 'closed'])
  },
}
