import { describe, expect, it } from 'vitest'
import { HTTP_BODY_BYTES, SMALL_BYTES } from '../../src/core/limits.ts'
import { BrokenBody, type HeldBody, readBody } from '../../src/http/body.ts'
import type { Problem } from '../../src/http/problem.ts'
import { fakeContext, timers } from '../broker/fakes.ts'

function upload(chunks: readonly Uint8Array[], headers: Record<string, string> = {}): Request {
  let next = 0
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks[next++]
        if (chunk === undefined) controller.close()
        else controller.enqueue(chunk)
      },
    },
    { highWaterMark: 0 },
  )
  return new Request('http://localhost/', {
    method: 'POST',
    body,
    headers,
    duplex: 'half',
  } as RequestInit)
}

const MiB = 1024 * 1024
const filled = (bytes: number, value: number) => new Uint8Array(bytes).fill(value)

describe('a request body', () => {
  it.each([
    ['announced', { 'content-length': '7' }],
    ['not announced', {}],
  ])(
    'whose length is %s comes whole, and its memory is given back by who takes it',
    async (_, headers) => {
      const context = fakeContext({})
      const chunks = [filled(3, 1), filled(4, 2)]
      const body = (await readBody(upload(chunks, headers), context, 2)) as HeldBody
      expect([...body.take()]).toEqual([1, 1, 1, 2, 2, 2, 2])
      expect(context.budget.smallFrames.used).toBeGreaterThan(0)
      body.memory.release()
      expect(context.budget.smallFrames.used).toBe(0)
    },
  )

  it('is counted in one pool or the other, never in both', async () => {
    const context = fakeContext({})
    const chunks = Array.from({ length: 4 }, () => filled(SMALL_BYTES / 2, 7))
    const body = (await readBody(upload(chunks), context, 1)) as HeldBody
    expect(context.budget.smallFrames.used).toBe(0)
    expect(context.budget.largeFrames.used).toBe(HTTP_BODY_BYTES)
    expect(body.take()).toHaveLength(2 * SMALL_BYTES)
    body.memory.release()
  })

  it('is not read, nor room made for it, before there is memory', async () => {
    const context = fakeContext({})
    const { largeFrames } = context.budget
    const all = await largeFrames.reserve(64 * MiB, timers.sleep)
    let read = 0
    const request = upload([])
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          read++
          controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    const waiting = readBody(
      {
        headers: new Headers({ 'content-length': String(8 * MiB) }),
        body,
        url: request.url,
      } as Request,
      context,
      1,
    )
    await timers.sleep(30)
    expect(read).toBe(0)
    all?.release()
    const done = (await waiting) as HeldBody
    expect(read).toBe(1)
    done.memory.release()
    expect(largeFrames.used).toBe(0)
  })

  it('that stands still while others wait for its memory is answered 408', async () => {
    let fire = () => {}
    const context = fakeContext({
      context: {
        timers: {
          ...timers,
          after: (_, callback) => {
            fire = callback
            return () => {}
          },
        },
      },
    })
    const body = new ReadableStream<Uint8Array>(
      { pull: () => new Promise(() => {}) },
      { highWaterMark: 0 },
    )
    const headers = new Headers({ 'content-length': String(8 * MiB) })
    const reading = readBody({ headers, body } as Request, context, 2)
    await timers.sleep(5)
    fire()
    await timers.sleep(5)
    const { largeFrames } = context.budget
    const other = largeFrames.reserve(32 * MiB, timers.sleep)
    await timers.sleep(5)
    fire()
    const problem = await reading
    expect((problem as Problem).status).toBe(408)
    expect((await other)?.bytes).toBe(32 * MiB)
  })

  it('that breaks off gives its memory back', async () => {
    const context = fakeContext({})
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(new Error('gone'))
      },
    })
    await expect(readBody({ headers: new Headers(), body } as Request, context, 2)).rejects.toThrow(
      BrokenBody,
    )
    expect(context.budget.smallFrames.used).toBe(0)
  })
})
