// What a connection that sends nonsense gets: it ends, and every other goes on. Also the order and
// the number of frames on a good one. Framing: Kafka protocol guide, "Network".

import { connect as tcp } from 'node:net'
import { describe, expect } from 'vitest'
import { encodeRequest } from '../../../src/protocol/codec.ts'
import { ApiVersions } from '../../../src/protocol/messages/api-versions.ts'
import { Fetch } from '../../../src/protocol/messages/fetch.ts'
import { Metadata } from '../../../src/protocol/messages/metadata.ts'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import { batch, batchOfSize } from '../batches.ts'
import { createTopic, fetchBody, produce, produceBody } from '../calls.ts'
import { suite } from '../target.ts'
import { Ended, rawRequest, type Wire } from '../wire.ts'

const REQUEST_MAX_BYTES = 8_000_000
const shared = suite('connection', {
  set: { 'socket.request.max.bytes': `${REQUEST_MAX_BYTES}` },
})
const { scenario, connect, topic } = shared

/** The first bytes a TLS 1.2 client sends: a handshake record of 512 bytes. */
const CLIENT_HELLO = Buffer.concat([
  Buffer.from('1603010200010001fc0303', 'hex'),
  Buffer.alloc(506, 7),
])
const METADATA_ALL = Buffer.from('00000003' + '6162', 'hex')

function size(bytes: number): Buffer {
  const out = Buffer.alloc(4)
  out.writeInt32BE(bytes)
  return out
}

function frame(bytes: Buffer): Buffer {
  return Buffer.concat([size(bytes.length), bytes])
}

const ENDS: readonly { readonly title: string; readonly bytes: Buffer }[] = [
  { title: 'an unknown API key', bytes: rawRequest(999, 0, Buffer.alloc(0)) },
  { title: 'a negative API key', bytes: rawRequest(-1, 0, Buffer.alloc(0)) },
  { title: 'an API only brokers of old answered', bytes: rawRequest(4, 0, Buffer.alloc(0)) },
  { title: 'an unknown version of a known API', bytes: rawRequest(3, 99, Buffer.alloc(4)) },
  { title: 'a negative version of a known API', bytes: rawRequest(3, -1, Buffer.alloc(4)) },
  { title: 'a version below the first served', bytes: rawRequest(1, 3, Buffer.alloc(30)) },
  { title: 'an HTTP request', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n') },
  { title: 'a TLS client hello', bytes: CLIENT_HELLO },
  { title: 'a negative size', bytes: size(-1) },
  { title: 'a size of 2 GiB - 1', bytes: size(0x7fffffff) },
  { title: 'a size over socket.request.max.bytes', bytes: size(REQUEST_MAX_BYTES + 1) },
  { title: 'an empty frame', bytes: size(0) },
  { title: 'a frame that ends inside the header', bytes: frame(Buffer.from('00030001', 'hex')) },
  { title: 'a frame that ends inside the body', bytes: rawRequest(3, 1, METADATA_ALL) },
  { title: 'an array longer than its frame', bytes: rawRequest(3, 1, size(0x7ffffff0)) },
  {
    title: 'a string longer than its frame',
    bytes: rawRequest(3, 1, Buffer.from('000000017fff61', 'hex')),
  },
  { title: 'random bytes', bytes: frame(Buffer.from('deadbeefcafebabe0123456789abcdef', 'hex')) },
]

describe('A connection that sends', () => {
  for (const { title, bytes } of ENDS) {
    scenario(`${title} is closed without an answer; another goes on`, async () => {
      const [bad, good] = await Promise.all([connect(), connect()])
      await answers(good)
      bad.write(bytes)
      await expect(bad.frame()).rejects.toThrow(Ended)
      expect(bad.receivedBytes).toBe(0)
      await answers(good)
      await answers(await connect())
    })
  }

  scenario('a good request and then nonsense gets the answer to the good one first', async () => {
    const wire = await connect()
    const id = wire.send(ApiVersions, 0, {})
    wire.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    expect((await wire.answer(ApiVersions, 0, id)).errorCode).toBe(0)
    await wire.ended()
  })

  scenario('half a frame and disconnects leaves nothing behind', async () => {
    const good = await connect()
    const name = topic()
    await createTopic(good, name)
    for (let count = 0; count < 20; count += 1) {
      const half = await connect()
      half.write(size(REQUEST_MAX_BYTES))
      half.write(Buffer.alloc(100_000))
      if (count % 2 === 0) half.close()
    }
    expect(await produce(good, name, 0, batch({ records: [{ value: 'v' }] }))).toMatchObject({
      errorCode: 0,
      baseOffset: 0,
    })
  })

  scenario('one byte at a time is understood', async () => {
    const wire = await connect()
    const bytes = rawRequest(18, 0, Buffer.alloc(0), 42)
    for (const byte of bytes) {
      wire.write(Uint8Array.of(byte))
      await new Promise((done) => setTimeout(done, 1))
    }
    expect((await wire.answer(ApiVersions, 0, 42)).errorCode).toBe(0)
  })

  scenario('requests of every size around powers of two, one at a time, is answered', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    for (let power = 9; power <= 19; power += 1) {
      for (let more = -80; more <= 20; more += 5) {
        const got = await produce(wire, name, 0, batchOfSize(2 ** power + more))
        expect(got.errorCode).toBe(0)
      }
    }
  })

  // librdkafka 2.16 sends three bytes too many with version 13 of Metadata.
  scenario('bytes behind a request are ignored', async () => {
    const wire = await connect()
    const header = { correlationId: 7, clientId: 'c' }
    const exact = encodeRequest(Metadata, 13, header, { topics: null })
    const longer = Buffer.concat([exact, Buffer.alloc(3)])
    longer.writeInt32BE(longer.length - 4)
    wire.write(longer)
    expect((await wire.answer(Metadata, 13, 7)).brokers).toHaveLength(1)
  })

  scenario('a null client id is served', async () => {
    const wire = await connect()
    wire.write(frame(Buffer.from('0012' + '0000' + '00000007' + 'ffff', 'hex')))
    expect((await wire.answer(ApiVersions, 0, 7)).errorCode).toBe(0)
  })
})

describe('A client that disconnects', () => {
  scenario('while its fetch waits does not hold up others', async () => {
    const good = await connect()
    const name = topic()
    await createTopic(good, name)
    for (let count = 0; count < 10; count += 1) {
      const waiting = await connect()
      waiting.send(Fetch, 12, fetchBody(name, [[0, 0]], { maxWaitMs: 10_000 }))
      await answers(good)
      waiting.close()
    }
    expect((await produce(good, name, 0, batch({ records: [{ value: 'v' }] }))).errorCode).toBe(0)
  })

  scenario('with requests in flight may lose answers, never order', async () => {
    const good = await connect()
    const name = topic()
    await createTopic(good, name)
    const gone = await connect()
    for (let index = 0; index < 50; index += 1) {
      gone.send(Produce, 9, produceBody(name, 0, batch({ records: [{ value: `${index}` }] })))
    }
    await gone.frame()
    gone.close()
    expect((await produce(good, name, 0, batch({ records: [{ value: 'last' }] }))).errorCode).toBe(
      0,
    )
  })
})

describe('A client that stops reading', () => {
  scenario('does not hold up others', async () => {
    const good = await connect()
    const name = topic()
    await createTopic(good, name)
    for (let count = 0; count < 8; count += 1) await produce(good, name, 0, batchOfSize(900_000))
    const stuck = await connect()
    stuck.pause()
    for (let count = 0; count < 60; count += 1) {
      stuck.send(Fetch, 12, fetchBody(name, [[0, 0]], { partitionMaxBytes: 7_000_000 }))
    }
    for (let count = 0; count < 5; count += 1) {
      await answers(good)
      expect((await produce(good, name, 0, batch({ records: [{ value: 'v' }] }))).errorCode).toBe(0)
    }
    stuck.resume()
    const { responses } = await stuck.answer(Fetch, 12, 1)
    expect(responses[0]!.partitions[0]!.records!.length).toBeGreaterThan(6_000_000)
  })
})

describe('Responses', () => {
  scenario('leave in request order, a waiting fetch first', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const waiting = wire.send(Fetch, 12, fetchBody(name, [[0, 0]], { maxWaitMs: 400 }))
    const versions = wire.send(ApiVersions, 3, SOFTWARE)
    wire.send(Produce, 9, produceBody(name, 0, batch({ records: [{ value: 'v' }] }), 0))
    const metadata = wire.send(Metadata, 1, { topics: [] })
    const empty = wire.send(Fetch, 12, fetchBody(name, [], { maxWaitMs: 0 }))
    expect((await wire.answer(Fetch, 12, waiting)).errorCode).toBe(0)
    expect((await wire.answer(ApiVersions, 3, versions)).errorCode).toBe(0)
    expect((await wire.answer(Metadata, 1, metadata)).brokers).toHaveLength(1)
    expect((await wire.answer(Fetch, 12, empty)).errorCode).toBe(0)
  })

  scenario('come for 1,000 requests written at once', async () => {
    const wire = await connect()
    const ids = Array.from({ length: 1_000 }, () => wire.send(Metadata, 1, { topics: [] }))
    for (const id of ids) expect((await wire.answer(Metadata, 1, id)).brokers).toHaveLength(1)
  })
})

describe('Many connections', () => {
  scenario('that open and close at once leave the broker serving', async () => {
    const { host, port } = shared.target.kafka
    await Promise.all(
      Array.from(
        { length: 200 },
        () =>
          new Promise<void>((done, failed) => {
            const socket = tcp(port, host, () => socket.destroy())
            socket.once('error', failed)
            socket.once('close', () => done())
          }),
      ),
    )
    await answers(await connect())
  })
})

const SOFTWARE = { clientSoftwareName: 'ottla-test', clientSoftwareVersion: '1' }

async function answers(wire: Wire): Promise<void> {
  expect((await wire.call(ApiVersions, 3, SOFTWARE)).errorCode).toBe(0)
}
