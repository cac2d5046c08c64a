// Keyed requests to a broker as it is started: records larger than a call, clients that hang up, a restart, a damaged
// file. What a status or a field is, in every case, is test/http/idempotency.test.ts.

import { request as httpRequest } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { inDatabase, largestPartition, verify } from '../faults/load/data-folder.ts'
import { type Broker, startBroker } from './broker.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

async function post(
  broker: Broker,
  topic: string,
  body: BodyInit,
  key: string,
  headers = JSON_TYPE,
) {
  const response = await fetch(`${broker.http}/v1/topics/${topic}/records`, {
    method: 'POST',
    body,
    headers: { ...headers, 'idempotency-key': key },
  })
  // biome-ignore lint/suspicious/noExplicitAny: any JSON.
  const answer: any = await response.json()
  const { status } = response
  return { status, body: answer, isReplayed: response.headers.has('idempotent-replayed') }
}

async function createTopic(broker: Broker, name: string, partitions: number, configs = {}) {
  const body = JSON.stringify({ name, partitions, configs })
  const response = await fetch(`${broker.http}/v1/topics`, {
    method: 'POST',
    body,
    headers: JSON_TYPE,
  })
  expect(response.status).toBe(201)
}

/** Values of all partitions. */
async function values(broker: Broker, topic: string, partitions: number): Promise<string[]> {
  const found: string[] = []
  for (let partition = 0; partition < partitions; partition++) {
    const url = `${broker.http}/v1/topics/${topic}/partitions/${partition}/records?limit=1000&maxBytes=8388608`
    const { records } = (await (await fetch(url)).json()) as { records: { value: string }[] }
    found.push(...records.map(({ value }) => value))
  }
  return found
}

test('a record larger than one call to its leader is there once, after a kill too', async () => {
  let broker = await startBroker()
  try {
    await createTopic(broker, 't', 2, { 'max.message.bytes': 8_000_000 })
    const bytes = crypto.getRandomValues(new Uint8Array(65_536))
    const noise = Buffer.concat(Array.from({ length: 46 }, () => bytes)).map(
      (byte: number, at: number) => byte ^ (at * 7 + (at >> 16)),
    )
    const raw = { 'content-type': 'application/octet-stream' }
    const first = await post(broker, 't', noise, 'large', raw)
    expect(first).toMatchObject({ status: 200, isReplayed: false })
    expect(await post(broker, 't', noise, 'large', raw)).toEqual({ ...first, isReplayed: true })
    await broker.kill()
    broker = await broker.restart()
    expect(await post(broker, 't', noise, 'large', raw)).toEqual({ ...first, isReplayed: true })
    expect(await post(broker, 't', noise.subarray(1), 'large', raw)).toMatchObject({ status: 422 })
    expect(await values(broker, 't', 2)).toHaveLength(1)
  } finally {
    await broker.stop()
  }
})

test('what a client that hangs up has sent is there once when it sends it again', async () => {
  const broker = await startBroker()
  try {
    await createTopic(broker, 't', 3)
    const sent: string[] = []
    for (let number = 0; number < 30; number++) {
      const records = Array.from({ length: 6 }, (_, at) => ({
        key: `k${at}`,
        value: `${number}/${at}`,
      }))
      sent.push(...records.map(({ value }) => value))
      const body = JSON.stringify({ records })
      const key = `cut-${number}`
      await hungUp(broker, body, key, number % 6)
      for (;;) {
        const answer = await post(broker, 't', body, key)
        if (answer.status === 200) break
        expect(answer.status, JSON.stringify(answer.body)).toBe(409)
        await sleep(20)
      }
    }
    expect((await values(broker, 't', 3)).toSorted()).toEqual(sent.toSorted())
  } finally {
    await broker.stop()
  }
})

/** Sends all, or all but the last byte, and is gone some milliseconds later. */
async function hungUp({ http }: Broker, body: string, key: string, afterMs: number): Promise<void> {
  const { hostname, port } = new URL(http)
  const headers = { ...JSON_TYPE, 'idempotency-key': key, 'content-length': body.length }
  const path = '/v1/topics/t/records'
  const request = httpRequest({ hostname, port, path, method: 'POST', headers })
  request.on('error', () => {})
  request.on('response', (response) => response.destroy())
  request.write(afterMs % 2 === 0 ? body : body.slice(0, -1))
  await sleep(afterMs)
  request.destroy()
}

test('the same records under the same key are the same request over HTTP and over the live socket', async () => {
  const broker = await startBroker()
  try {
    await createTopic(broker, 't', 3)
    const records = [
      { key: 'k', value: { id: 1 } },
      { value: 'a', headers: [{ key: 'h', value: 'v' }] },
    ]
    const body = JSON.stringify({ records })
    const first = await post(broker, 't', body, 'rest')
    const socket = new WebSocket(`${broker.http.replace('http', 'ws')}/v1/live`, 'ottla.v1')
    const produced = answersOf(socket)
    const produce = (id: number, idempotencyKey: string, sent: readonly unknown[]) =>
      produced(id, { type: 'produce', id, topic: 't', records: sent, idempotencyKey })
    expect(await produce(1, 'rest', records)).toMatchObject({
      type: 'ack',
      replayed: true,
      ...first.body,
    })
    const { offsets, replayed } = await produce(2, 'live', records)
    expect(replayed).toBeUndefined()
    expect(await post(broker, 't', body, 'live')).toEqual({
      status: 200,
      body: { offsets },
      isReplayed: true,
    })
    expect(await produce(3, 'live', records.toReversed())).toMatchObject({
      type: 'error',
      problem: { status: 422, code: 'INVALID_REQUEST' },
    })
    expect(await produce(4, 'a b', records)).toMatchObject({ problem: { status: 400 } })
    socket.close()
    expect(await values(broker, 't', 3)).toHaveLength(4)
  } finally {
    await broker.stop()
  }
})

/** Sends a message and waits for the answer with its id. */
// biome-ignore lint/suspicious/noExplicitAny: any JSON.
function answersOf(socket: WebSocket): (id: number, message: unknown) => Promise<any> {
  const waiting = new Map<number, (message: unknown) => void>()
  const open = new Promise((resolve) => socket.addEventListener('open', resolve))
  socket.addEventListener('message', ({ data }) => {
    if (data === 'ping') return socket.send('pong')
    const message = data === 'pong' ? {} : JSON.parse(String(data))
    waiting.get(message.id)?.(message)
  })
  return async (id, message) => {
    await open
    const answer = new Promise((resolve) => waiting.set(id, resolve))
    socket.send(JSON.stringify(message))
    return answer
  }
}

test('damage to what is remembered of requests is found, and nothing is stored on a guess', async () => {
  let broker = await startBroker()
  try {
    await createTopic(broker, 't', 1)
    expect(await post(broker, 't', '{"value":"a"}', 'key')).toMatchObject({ status: 200 })
    // Its chunk goes, and what it says of the request goes to a row of its own.
    const url = `${broker.http}/v1/topics/t/partitions/0/records?before=1`
    expect((await fetch(url, { method: 'DELETE' })).status).toBeLessThan(300)
    expect(await post(broker, 't', '{"value":"a"}', 'key')).toMatchObject({ isReplayed: true })
    await broker.kill()
    expect(verify(broker.dataDir)).toMatchObject({ code: 0 })
    inDatabase(largestPartition(broker.dataDir), (database) => {
      const { changes } = database.prepare('UPDATE request_snapshot SET data = zeroblob(106)').run()
      expect(changes).toBe(1)
    })
    expect(verify(broker.dataDir)).toMatchObject({
      code: 1,
      printed: expect.stringContaining('keyed requests are damaged'),
    })
    broker = await broker.restart()
    expect(await post(broker, 't', '{"value":"a"}', 'key')).toMatchObject({
      status: 503,
      body: { code: 'KAFKA_STORAGE_ERROR' },
    })
    // Others are served.
    const plain = await fetch(`${broker.http}/v1/topics/t/records`, {
      method: 'POST',
      body: '{"value":"b"}',
      headers: JSON_TYPE,
    })
    expect(plain.status).toBe(200)
  } finally {
    await broker.stop()
  }
})
