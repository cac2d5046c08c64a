// Requests with an Idempotency-Key over HTTP while the broker is killed (`kill -9`) at random moments: each client sends
// a request again with its key until it is answered, and in the end each record is there once, in the order of its
// client, where the answers said. The seed is printed and OTTLA_SEED replays the choices, not the machine's timing.

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type Broker, startBroker } from './broker.ts'

const KILLS = 8
const PARTITIONS = 3
const CLIENTS = 4
const RECORDS_MAX = 40
const FORMS = ['list', 'stream', 'raw'] as const

const seed = Number(process.env.OTTLA_SEED ?? Math.floor(Math.random() * 2 ** 31))
let state = seed
/** A whole number from 0 below `end`. */
function random(end: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((state / 2 ** 32) * end)
}

interface Produced {
  readonly client: number
  readonly values: readonly string[]
  readonly form: (typeof FORMS)[number]
  // biome-ignore lint/suspicious/noExplicitAny: any JSON.
  readonly answer: any
}

interface Stored {
  readonly offset: number
  readonly timestamp: number
  readonly value: string
}

test('each record of a keyed request is there once, in order, whenever the broker dies', async () => {
  console.log(`OTTLA_SEED=${seed}`)
  let broker = await startBroker()
  try {
    await post(broker, '/v1/topics', JSON.stringify({ name: 't', partitions: PARTITIONS }), 'none')
    const run = {
      stopped: false,
      url: () => broker.http,
      produced: [] as Produced[],
      retries: 0,
      replayed: 0,
    }
    const clients = Array.from({ length: CLIENTS }, (_, client) => produceUntil(run, client))
    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(200 + random(800))
      await broker.kill()
      broker = await broker.restart()
    }
    await sleep(300)
    run.stopped = true
    await Promise.all(clients)
    const stored = await Promise.all(
      Array.from({ length: PARTITIONS }, (_, partition) => readAll(broker, partition)),
    )
    verify(run.produced, stored)
    console.log(
      `${run.produced.length} requests, ${stored.flat().length} records, ${run.retries} retries, ${run.replayed} replayed`,
    )
    expect(run.retries).toBeGreaterThan(0)
    // Every request is known still, whoever asks.
    for (const one of run.produced.slice(-5)) {
      const { body, headers } = request(one)
      const again = await fetch(`${broker.http}/v1/topics/t/records${query(one)}`, {
        method: 'POST',
        body,
        headers,
      })
      expect(again.headers.get('idempotent-replayed')).toBe('true')
      expect(await again.json()).toEqual(one.answer)
    }
  } finally {
    await broker.stop()
  }
})

interface Run {
  stopped: boolean
  readonly url: () => string
  readonly produced: Produced[]
  retries: number
  replayed: number
}

/** One request at a time, each until it is answered. */
async function produceUntil(run: Run, client: number): Promise<void> {
  for (let number = 0; !run.stopped; number++) {
    const form = FORMS[random(FORMS.length)]!
    const length = form === 'raw' ? 1 : 1 + random(RECORDS_MAX)
    const values = Array.from({ length }, (_, at) => `${client}/${number}/${at}`)
    const { body, headers } = request({ client, values, form })
    for (;;) {
      const path = `/v1/topics/t/records${query({ form, client })}`
      const answer = await fetch(`${run.url()}${path}`, { method: 'POST', body, headers }).then(
        async (response) => ({ response, body: await response.json() }),
        () => null,
      )
      if (answer?.response.status === 200) {
        run.produced.push({ client, values, form, answer: answer.body })
        if (answer.response.headers.has('idempotent-replayed')) run.replayed++
        break
      }
      // Nothing but what a client retries: the broker is gone, starts, or has not noticed that we were.
      if (answer !== null)
        expect([409, 503], JSON.stringify(answer.body)).toContain(answer.response.status)
      run.retries++
      await sleep(20 + random(50))
    }
  }
}

/** All that is sent is in the values: the same for each try. */
function request({ client, values, form }: Pick<Produced, 'client' | 'values' | 'form'>) {
  const key = `${form}-${values[0]}`
  const records = values.map((value, at) => ({ value, ...placeOf(client, at) }))
  const type = { list: 'application/json', stream: 'application/x-ndjson', raw: 'text/plain' }[form]
  const body = {
    list: JSON.stringify({ records }),
    stream: records.map((record) => `${JSON.stringify(record)}\n`).join(''),
    raw: values[0]!,
  }[form]
  return { body, headers: { 'content-type': type, 'idempotency-key': key } }
}

/** Some records have a key, some a partition, some neither. */
function placeOf(client: number, at: number): { key?: string; partition?: number } {
  const which = (client + at) % 4
  return which === 0
    ? {}
    : which === 1
      ? { partition: at % PARTITIONS }
      : { key: `client-${client}` }
}

const query = ({ form, client }: Pick<Produced, 'form' | 'client'>) =>
  form === 'raw' ? `?key=client-${client}` : ''

function verify(produced: readonly Produced[], stored: readonly (readonly Stored[])[]): void {
  const found = stored.flatMap((records, partition) =>
    records.map(({ value, offset }) => ({ value, at: `${partition}:${offset}` })),
  )
  const sent = produced.flatMap(({ values }) => values)
  expect(found.map(({ value }) => value).sort()).toEqual(sent.toSorted())
  const place = new Map(found.map(({ value, at }) => [value, at]))
  for (const { values, form, answer } of produced) {
    if (form === 'stream') expect(answer.count).toBe(values.length)
    else {
      expect(
        answer.offsets.map(
          (one: { partition: number; offset: number }) => `${one.partition}:${one.offset}`,
        ),
      ).toEqual(values.map((value) => place.get(value)))
    }
  }
  // What a client sent to a partition is there in the order in which it was sent, but for keyless records: each request's
  // go where its key says.
  for (const records of stored) {
    for (let client = 0; client < CLIENTS; client++) {
      const own = records
        .map(({ value }) => value.split('/').map(Number))
        .filter(([by]) => by === client)
      const order = own.map(([, number = 0, at = 0]) => number * RECORDS_MAX + at)
      expect(order).toEqual(order.toSorted((a, b) => a - b))
    }
  }
}

async function readAll(broker: Broker, partition: number): Promise<Stored[]> {
  const records: Stored[] = []
  for (let next = 0; ; ) {
    const page = await fetch(
      `${broker.http}/v1/topics/t/partitions/${partition}/records?offset=${next}&limit=1000`,
    )
    const {
      records: found,
      nextOffset,
      highWatermark,
    } = (await page.json()) as {
      records: Stored[]
      nextOffset: number
      highWatermark: number
    }
    records.push(...found)
    next = nextOffset
    if (next === highWatermark) return records
  }
}

async function post(broker: Broker, path: string, body: string, key: string): Promise<void> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': key }
  const response = await fetch(`${broker.http}${path}`, { method: 'POST', body, headers })
  expect(response.status).toBe(201)
}
