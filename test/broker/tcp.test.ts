import { describe, expect, it } from 'vitest'
import type { ApiTable } from '../../src/broker/api-table.ts'
import { BytePool } from '../../src/broker/budget.ts'
import type { Call } from '../../src/broker/call.ts'
import { Connection } from '../../src/broker/connection.ts'
import type { BrokerContext } from '../../src/broker/context.ts'
import { apiVersions } from '../../src/broker/handlers/api-versions.ts'
import { serveSocket } from '../../src/broker/tcp.ts'
import { encodeRequest } from '../../src/protocol/codec.ts'
import { ApiVersions } from '../../src/protocol/messages/api-versions.ts'
import { fakeContext, timers } from './fakes.ts'

const TABLE: ApiTable = new Map([
  [
    ApiVersions.key,
    {
      api: ApiVersions,
      handle: {
        kind: 'ordered' as const,
        run: (request: object, call: Call, context: BrokerContext) =>
          apiVersions(TABLE, request as never, call, context),
      },
    },
  ],
])

const versions = (correlationId: number) =>
  encodeRequest(ApiVersions, 0, { correlationId, clientId: null }, {})

/** A socket the test holds both ends of. */
function socket(write: (bytes: Uint8Array) => Promise<void> | void) {
  let input!: ReadableByteStreamController
  let closed = false
  const readable = new ReadableStream({
    type: 'bytes',
    start(controller) {
      input = controller
    },
  }) as ReadableStream<Uint8Array>
  const writable = new WritableStream<Uint8Array>({ write })
  return {
    socket: {
      readable,
      writable,
      close: async () => {
        closed = true
      },
    },
    send: (bytes: Uint8Array) => input.enqueue(new Uint8Array(bytes) as never),
    end: () => {
      input.close()
      input.byobRequest?.respond(0)
    },
    isClosed: () => closed,
  }
}

function serve(context: BrokerContext, write: (bytes: Uint8Array) => Promise<void> | void) {
  const held = socket(write)
  const done = serveSocket(held.socket, new Connection(TABLE, context, 10_000), context)
  return { ...held, done }
}

describe('a TCP connection', () => {
  it('is closed by the broker when the client has left and all is answered', async () => {
    const written: number[] = []
    const client = serve(fakeContext({}), (bytes) => {
      written.push(bytes.length)
    })
    client.send(versions(1))
    client.send(versions(2).subarray(0, 5))
    await timers.sleep(20)
    client.end()
    await client.done
    expect(client.isClosed()).toBe(true)
    expect(written.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThan(0)
  })

  it('joins the answers of pipelined requests into few writes', async () => {
    let writes = 0
    const client = serve(fakeContext({}), () => {
      writes++
    })
    client.send(Buffer.concat(Array.from({ length: 50 }, (_, id) => versions(id))))
    await timers.sleep(20)
    client.end()
    await client.done
    expect(writes).toBeLessThan(50)
  })

  it('ends on garbage, with a warning and no error', async () => {
    const lines: string[] = []
    const context = fakeContext({
      context: { log: (level, event) => lines.push(`${level} ${event}`) },
    })
    const client = serve(context, () => {})
    client.send(new TextEncoder().encode('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))
    await client.done
    expect(client.isClosed()).toBe(true)
    expect(lines).toEqual(['warn connection refused'])
  })

  it('that takes no bytes while others wait for memory is closed; without waiters it is left alone', async () => {
    let nowMs = 0
    const checks: (() => void)[] = []
    const clock = {
      ...timers,
      now: () => nowMs,
      after: (_ms: number, callback: () => void) => {
        checks.push(callback)
        return () => {}
      },
    }
    const smallReplies = new BytePool(10)
    const base = fakeContext({ context: { timers: clock } })
    const context = { ...base, budget: { ...base.budget, smallReplies } }
    const client = serve(context, () => new Promise(() => {}))
    client.send(versions(1))
    await timers.sleep(20)
    nowMs = 60_000
    checks.at(-1)?.()
    expect(client.isClosed()).toBe(false)
    smallReplies.tryReserve(10)
    let gone = false
    const waiting = smallReplies.reserve(1, timers.sleep, () => gone)
    checks.at(-1)?.()
    expect(client.isClosed()).toBe(true)
    gone = true
    await waiting
  })
})
