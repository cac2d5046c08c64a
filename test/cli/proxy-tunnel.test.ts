import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Broker, dial } from '../../src/cli/proxy/dial.ts'
import { carry } from '../../src/cli/proxy/tunnel.ts'
import {
  TUNNEL_ACK_BYTES,
  TUNNEL_MESSAGE_BYTES,
  TUNNEL_PING_MS,
  TUNNEL_SILENT_MS,
  TUNNEL_WINDOW_BYTES,
} from '../../src/core/limits.ts'
import { END, PING, TUNNEL_PROTOCOL } from '../../src/core/tunnel-protocol.ts'

const ending: (() => void)[] = []

afterEach(() => {
  vi.useRealTimers()
  for (const end of ending.splice(0)) end()
})

/** A broker's end that does what the test says, the proxy's carrier, and a Kafka client's socket. */
async function carried(): Promise<{
  readonly broker: WebSocket
  readonly client: Socket
  readonly ended: Promise<string>
  readonly texts: string[]
  readonly messages: number[]
  readonly headers: NodeJS.Dict<string | string[]>
}> {
  const texts: string[] = []
  const messages: number[] = []
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  ending.push(() => {
    for (const one of server.clients) one.terminate()
    server.close()
  })
  await new Promise((listens) => server.once('listening', listens))
  const opened = new Promise<{ broker: WebSocket; headers: NodeJS.Dict<string | string[]> }>(
    (done) => {
      server.once('connection', (broker, request) => {
        broker.on('message', (data: Buffer, isBinary) => {
          if (isBinary) messages.push(data.length)
          else texts.push(data.toString())
        })
        done({ broker, headers: request.headers })
      })
    },
  )
  const { port } = server.address() as { port: number }
  const to: Broker = { url: `ws://127.0.0.1:${port}/kafka`, authorization: 'Bearer s3cret' }
  const dialled = await dial(to, '127.0.0.1:9092')
  if (dialled.kind === 'failed') throw new Error(dialled.reason)
  const { broker, headers } = await opened
  const clients = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  ending.push(() => clients.close())
  await new Promise<void>((listens) => clients.listen(0, '127.0.0.1', () => listens()))
  const accepted = new Promise<Socket>((done) => clients.once('connection', done))
  const client = connect((clients.address() as { port: number }).port, '127.0.0.1')
  client.on('error', () => {})
  ending.push(() => void client.destroy())
  const ended = carry(await accepted, dialled.socket)
  return { broker, client, ended, texts, messages, headers }
}

const sum = (sizes: readonly number[]) => sizes.reduce((total, one) => total + one, 0)
const quiet = () => new Promise((done) => setTimeout(done, 300))

describe('an upgrade', () => {
  it('presents the secret, the address and the subprotocol', async () => {
    const { broker, headers } = await carried()
    expect(headers).toMatchObject({
      authorization: 'Bearer s3cret',
      'ottla-advertised': '127.0.0.1:9092',
    })
    expect(broker.protocol).toBe(TUNNEL_PROTOCOL)
  })
})

describe('from the client', () => {
  it('no more is sent than the window has room for, in messages of a bounded size', async () => {
    const { broker, client, messages } = await carried()
    // More than the system holds between the two.
    const bytes = 32 * TUNNEL_WINDOW_BYTES
    client.write(new Uint8Array(bytes))
    await expect.poll(() => sum(messages)).toBe(TUNNEL_WINDOW_BYTES)
    await quiet()
    expect(sum(messages)).toBe(TUNNEL_WINDOW_BYTES)
    expect(Math.max(...messages)).toBeLessThanOrEqual(TUNNEL_MESSAGE_BYTES)
    // The client is held back: what it writes stays with it.
    expect(client.writableLength).toBeGreaterThan(0)
    broker.send(`ack ${TUNNEL_WINDOW_BYTES / 2}`)
    await expect.poll(() => sum(messages)).toBe(1.5 * TUNNEL_WINDOW_BYTES)
    while (sum(messages) < bytes) {
      const had = sum(messages)
      broker.send(`ack ${had}`)
      await expect.poll(() => sum(messages), { interval: 5 }).toBeGreaterThan(had)
    }
    expect(sum(messages)).toBe(bytes)
  })

  it('the end comes behind all bytes, and what is answered then still arrives', async () => {
    const { broker, client, texts, messages, ended } = await carried()
    client.end(new Uint8Array(100))
    await expect.poll(() => texts).toEqual([END])
    expect(sum(messages)).toBe(100)
    broker.send(new Uint8Array([1, 2, 3]))
    broker.close(1000)
    expect(Buffer.concat(await client.toArray())).toEqual(Buffer.from([1, 2, 3]))
    expect(await ended).toBe('')
  })
})

describe('to the client', () => {
  it('what it takes is said, and of what it does not take only what the system holds', async () => {
    const { broker, client, texts } = await carried()
    client.pause()
    const piece = new Uint8Array(TUNNEL_MESSAGE_BYTES)
    for (let at = 0; at < 64; at++) broker.send(piece)
    await quiet()
    const said = () => Number(/^ack (\d+)$/.exec(texts.at(-1) ?? 'ack 0')?.[1])
    const whilePaused = said()
    // A real broker would have stopped at its window.
    client.resume()
    await expect.poll(said).toBe(64 * piece.length)
    expect(whilePaused).toBeLessThanOrEqual(64 * piece.length)
    expect(texts.length).toBeGreaterThan(1)
    expect(texts.length).toBeLessThanOrEqual((64 * piece.length) / TUNNEL_ACK_BYTES)
  })
})

describe('a tunnel ends', () => {
  it('with its client', async () => {
    const { broker, client, ended } = await carried()
    const closed = new Promise((done) => broker.once('close', done))
    // As the broker does: it may still have had to answer.
    broker.on('message', (data: Buffer) => data.toString() === END && broker.close(1000))
    client.destroy()
    expect(await ended).toBe('')
    expect(await closed).toBe(1000)
  })

  it.each([
    [1002, 'not Kafka', 'not Kafka'],
    [1012, '', 'close code 1012'],
  ])('with the broker, which may say why (%d)', async (code, reason, said) => {
    const { broker, client, ended } = await carried()
    broker.close(code, reason)
    expect(await ended).toBe(said)
    expect(await client.toArray()).toEqual([])
  })

  it('when the connection breaks', async () => {
    const { broker, ended, client } = await carried()
    broker.terminate()
    expect(await ended).toBe('the broker is gone')
    expect(await client.toArray()).toEqual([])
  })

  it.each(['ack 5', 'ack', 'hello'])('when the broker says %j, which cannot be', async (text) => {
    const { broker, ended } = await carried()
    broker.send(text)
    expect(await ended).toContain('cannot be')
  })

  it('when the broker is silent: a dead one is found within two minutes', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    const { ended, texts } = await carried()
    let isOver = false
    void ended.then(() => {
      isOver = true
    })
    await vi.advanceTimersByTimeAsync(TUNNEL_PING_MS)
    await expect.poll(() => texts).toEqual([PING])
    await vi.advanceTimersByTimeAsync(TUNNEL_PING_MS)
    expect(isOver).toBe(false)
    await vi.advanceTimersByTimeAsync(TUNNEL_SILENT_MS)
    expect(await ended).toBe('the broker is silent')
    expect(TUNNEL_SILENT_MS + TUNNEL_PING_MS).toBeLessThan(120_000)
  })

  it('not as long as it is answered', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    const { broker, client, texts } = await carried()
    for (let at = 1; at <= 8; at++) {
      await vi.advanceTimersByTimeAsync(TUNNEL_PING_MS)
      await expect.poll(() => texts.length).toBe(at)
      broker.send('pong')
      await new Promise((done) => setTimeout(done, 20))
    }
    expect(client.destroyed).toBe(false)
  })
})
