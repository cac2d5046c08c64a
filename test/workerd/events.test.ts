/// <reference types="@cloudflare/vitest-plugin/types" />

import { createExecutionContext, env } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { WorkerEnv } from '../../src/broker/isolate.ts'
import { serveHttp } from '../../src/http/serve.ts'

/** The Worker's own answer, on this machine. */
function ask(path: string, method = 'GET', body?: unknown): Promise<Response> {
  const request = new Request(`http://localhost/v1${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  return serveHttp(
    request,
    { ...(env as object), OTTLA_LOCAL: '1' } as unknown as WorkerEnv,
    createExecutionContext(),
  )
}

async function done(answer: Promise<Response>): Promise<void> {
  const response = await answer
  expect(response.ok, await response.text()).toBe(true)
}

/** Follows a stream; `text` grows as it comes. */
async function follow(path: string) {
  const response = await ask(path)
  expect(response.status).toBe(200)
  const reader = response.body!.getReader()
  const stream = { text: '', cancel: () => reader.cancel() }
  const decoder = new TextDecoder()
  void (async () => {
    for (;;) {
      const { value, done: isDone } = await reader.read()
      if (isDone) return
      stream.text += decoder.decode(value, { stream: true })
    }
  })()
  return stream
}

const valuesIn = (text: string) =>
  [...text.matchAll(/"value":"([^"]*)"/g)].map(([, value]) => value)
const idsIn = (text: string) => [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id)

describe('streams of events in the runtime', () => {
  it('of two topics give the records of both, while they are read and while they are followed', async () => {
    for (const name of ['a', 'b']) await done(ask('/topics', 'POST', { name, partitions: 2 }))
    const stream = await follow('/events?topic=a&topic=b&from=earliest')
    const all: string[] = []
    for (let number = 0; number < 20; number++) {
      const value = `v${number}`
      all.push(value)
      const topic = number % 2 === 0 ? 'a' : 'b'
      await done(
        ask(`/topics/${topic}/records`, 'POST', { value, partition: number % 4 < 2 ? 0 : 1 }),
      )
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    await expect
      .poll(() => valuesIn(stream.text).toSorted(), { timeout: 20_000 })
      .toEqual(all.toSorted())
    expect(idsIn(stream.text).at(-1)).toMatch(/^[\w-]{22}\/0:4,1:4;[\w-]{22}\/0:4,1:4$/)
    await stream.cancel()
  })

  it('of one key give its records, to many readers with other keys at once', async () => {
    await done(ask('/topics', 'POST', { name: 'keys', partitions: 1 }))
    const keys = ['x', 'y', 'z']
    const streams = await Promise.all(
      keys.map((key) => follow(`/topics/keys/events?from=earliest&key=${key}`)),
    )
    for (let number = 0; number < 30; number++) {
      const key = keys[number % 3]
      await done(ask('/topics/keys/records', 'POST', { key, value: `${key}${number}` }))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    for (const [at, key] of keys.entries()) {
      const own = Array.from({ length: 10 }, (_, index) => `${key}${index * 3 + at}`)
      await expect.poll(() => valuesIn(streams[at]!.text), { timeout: 20_000 }).toEqual(own)
      // In the end each has been told that the others' records are behind it.
      await expect.poll(() => idsIn(streams[at]!.text).at(-1), { timeout: 20_000 }).toBe('0:29')
    }
    for (const stream of streams) await stream.cancel()
  })

  it('end with a reset when the topic is deleted', async () => {
    await done(ask('/topics', 'POST', { name: 'going', partitions: 1 }))
    await done(ask('/topics/going/records', 'POST', { value: 'last' }))
    const stream = await follow('/topics/going/events?from=earliest')
    await expect.poll(() => valuesIn(stream.text), { timeout: 20_000 }).toEqual(['last'])
    await done(ask('/topics/going', 'DELETE'))
    await expect.poll(() => stream.text, { timeout: 20_000 }).toContain('event: reset')
    expect(stream.text).toContain('"reason":"deleted","position":"0:0","next":null')
  })
})
