import { describe, expect, it } from 'vitest'
import type { ApiTable, ServedApi } from '../../src/broker/api-table.ts'
import { Connection } from '../../src/broker/connection.ts'
import { CloseConnection, type Handling } from '../../src/broker/context.ts'
import { apiVersions } from '../../src/broker/handlers/api-versions.ts'
import { MalformedMessage } from '../../src/core/bytes.ts'
import { REQUESTS_IN_FLIGHT } from '../../src/core/limits.ts'
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts'
import { ApiVersions } from '../../src/protocol/messages/api-versions.ts'
import { Fetch } from '../../src/protocol/messages/fetch.ts'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import { fakeContext, timers } from './fakes.ts'

/** Handlers that the test answers by hand, and the order in which they were started. */
function stage() {
  const started: string[] = []
  const settle: { resolve: (body: object | null) => void; reject: (error: Error) => void }[] = []
  const effects: (() => void)[] = []
  const held = () =>
    new Promise<object | null>((resolve, reject) => {
      settle.push({ resolve, reject })
    })
  const overlapping = (
    api: ServedApi['api'],
    appends: boolean,
    slowEffect: boolean,
  ): ServedApi => ({
    api,
    handle: {
      kind: 'overlapping',
      run: (): Handling<object> => {
        started.push(api.name)
        const effect = slowEffect
          ? new Promise<void>((resolve) => {
              effects.push(resolve)
            })
          : undefined
        return { effect, response: held(), appends }
      },
    },
  })
  return { started, settle, effects, held, overlapping }
}

function tableOf(...rows: ServedApi[]): ApiTable {
  const table = new Map(rows.map((row) => [row.api.key, row]))
  table.set(ApiVersions.key, {
    api: ApiVersions,
    handle: {
      kind: 'ordered',
      run: (request, call, context) => apiVersions(table, request as never, call, context),
    },
  })
  return table
}

const produceRequest = (correlationId: number) =>
  encodeRequest(
    Produce,
    3,
    { correlationId, clientId: 'c' },
    {
      acks: 1,
      timeoutMs: 0,
      topicData: [],
    },
  )
const fetchRequest = (correlationId: number) =>
  encodeRequest(
    Fetch,
    4,
    { correlationId, clientId: 'c' },
    {
      maxWaitMs: 0,
      minBytes: 0,
      topics: [],
    },
  )
const versionsRequest = (correlationId: number) =>
  encodeRequest(ApiVersions, 0, { correlationId, clientId: 'c' }, {})
const offsetsRequest = (correlationId: number) =>
  encodeRequest(ListOffsets, 1, { correlationId, clientId: 'c' }, { replicaId: -1, topics: [] })

function correlationIds(pieces: readonly Uint8Array[]): number[] {
  const bytes = Buffer.concat(pieces)
  const ids: number[] = []
  for (let at = 0; at < bytes.length; at += 4 + bytes.readInt32BE(at)) {
    ids.push(bytes.readInt32BE(at + 4))
  }
  return ids
}

describe('a connection', () => {
  it('answers in request order although a later request is ready first', async () => {
    const { settle, overlapping, started } = stage()
    const table = tableOf(overlapping(Produce, true, false), overlapping(Fetch, false, false))
    const connection = new Connection(table, fakeContext({}), 1000)
    await connection.receive(Buffer.concat([fetchRequest(1), produceRequest(2)]))
    expect(started).toEqual(['Fetch', 'Produce'])
    settle[1]?.resolve({ responses: [] })
    let out: number[] | null = null
    const outgoing = connection.outgoing().then((ready) => {
      out = correlationIds(ready?.pieces ?? [])
    })
    await timers.sleep(5)
    expect(out).toBeNull()
    settle[0]?.resolve({ responses: [] })
    await outgoing
    expect(out).toEqual([1, 2])
  })

  it('starts the next request when the one before has taken effect, not when it is answered', async () => {
    const { effects, overlapping, started } = stage()
    const table = tableOf(overlapping(Produce, true, true))
    const connection = new Connection(table, fakeContext({}), 1000)
    const received = connection.receive(Buffer.concat([produceRequest(1), produceRequest(2)]))
    await timers.sleep(5)
    expect(started).toHaveLength(1)
    effects[0]?.()
    await timers.sleep(5)
    expect(started).toHaveLength(2)
    effects[1]?.()
    await received
  })

  it('starts other requests behind an unanswered Produce only when it is answered', async () => {
    const { settle, overlapping, started } = stage()
    const rows = [overlapping(Produce, true, false), overlapping(Fetch, false, false)]
    const listOffsets: ServedApi = {
      api: ListOffsets,
      handle: {
        kind: 'ordered',
        run: async () => {
          started.push('ListOffsets')
          return { topics: [] }
        },
      },
    }
    const connection = new Connection(tableOf(...rows, listOffsets), fakeContext({}), 1000)
    const all = [fetchRequest(1), produceRequest(2), offsetsRequest(3)]
    const received = connection.receive(Buffer.concat(all))
    await timers.sleep(5)
    expect(started).toEqual(['Fetch', 'Produce'])
    settle[1]?.resolve({ responses: [] })
    await received
    expect(started).toEqual(['Fetch', 'Produce', 'ListOffsets'])
  })

  it('sends no frame for a null answer (acks=0) and keeps the order around it', async () => {
    const { settle, overlapping } = stage()
    const connection = new Connection(
      tableOf(overlapping(Produce, true, false)),
      fakeContext({}),
      1000,
    )
    await connection.receive(Buffer.concat([produceRequest(1), produceRequest(2)]))
    settle[0]?.resolve(null)
    settle[1]?.resolve({ responses: [] })
    await timers.sleep(1)
    expect(correlationIds((await connection.outgoing())?.pieces ?? [])).toEqual([2])
  })

  it('answers an unknown ApiVersions version in the layout of version 0 and goes on', async () => {
    const connection = new Connection(tableOf(), fakeContext({}), 1000)
    const unknown = versionsRequest(7)
    new DataView(unknown.buffer, unknown.byteOffset).setInt16(6, 99)
    await connection.receive(Buffer.concat([unknown, versionsRequest(8)]))
    const first = await connection.outgoing()
    const frame = Buffer.concat(first?.pieces ?? [])
    const { body } = decodeResponse(ApiVersions, 0, frame.subarray(4, 4 + frame.readInt32BE(0)))
    expect(body.errorCode).toBe(35)
    expect(body.apiKeys).toEqual([{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
    const rest = correlationIds(first?.pieces ?? []).includes(8)
      ? [8]
      : correlationIds((await connection.outgoing())?.pieces ?? [])
    expect(rest).toContain(8)
  })

  it.each([
    ['an unknown API key', () => withInt16(versionsRequest(1), 4, 999), CloseConnection],
    ['an unknown version', () => withInt16(offsetsRequest(1), 6, 99), CloseConnection],
    ['a body that ends early', () => cutShort(offsetsRequest(1)), MalformedMessage],
  ])('%s ends it after what was asked before is answered', async (_, bad, failure) => {
    const { overlapping } = stage()
    const connection = new Connection(
      tableOf(overlapping(ListOffsets, false, false)),
      fakeContext({}),
      1000,
    )
    const received = connection.receive(Buffer.concat([versionsRequest(5), bad()]))
    const error = await received.then(
      () => null,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(failure)
    connection.fail(error)
    expect(correlationIds((await connection.outgoing())?.pieces ?? [])).toEqual([5])
    await expect(connection.outgoing()).rejects.toBe(error)
  })

  it('a handler that fails ends it in its turn', async () => {
    const { settle, overlapping } = stage()
    const connection = new Connection(
      tableOf(overlapping(Produce, true, false)),
      fakeContext({}),
      1000,
    )
    await connection.receive(Buffer.concat([produceRequest(1), produceRequest(2)]))
    settle[1]?.reject(new Error('broken'))
    settle[0]?.resolve({ responses: [] })
    await timers.sleep(1)
    expect(correlationIds((await connection.outgoing())?.pieces ?? [])).toEqual([1])
    await expect(connection.outgoing()).rejects.toThrow('broken')
  })

  it('reads no further than REQUESTS_IN_FLIGHT unanswered requests', async () => {
    const { settle, overlapping, started } = stage()
    const connection = new Connection(
      tableOf(overlapping(Produce, true, false)),
      fakeContext({}),
      1000,
    )
    const many = Array.from({ length: REQUESTS_IN_FLIGHT + 1 }, (_, id) => produceRequest(id))
    let taken = false
    const received = connection.receive(Buffer.concat(many)).then(() => {
      taken = true
    })
    await timers.sleep(5)
    expect(started).toHaveLength(REQUESTS_IN_FLIGHT)
    expect(taken).toBe(false)
    settle[0]?.resolve({ responses: [] })
    expect(correlationIds((await connection.outgoing())?.pieces ?? [])).toEqual([0])
    await received
    expect(started).toHaveLength(REQUESTS_IN_FLIGHT + 1)
  })

  it('its state holds a partial frame, serialises, and is refused while a request is in flight', async () => {
    const { settle, overlapping } = stage()
    const table = tableOf(overlapping(Produce, true, false))
    const first = new Connection(table, fakeContext({}), 1000)
    const request = versionsRequest(9)
    await first.receive(request.subarray(0, 7))
    const state = structuredClone(first.state())
    expect(state).not.toBeNull()
    const second = new Connection(table, fakeContext({}), 1000, state ?? undefined)
    await second.receive(request.subarray(7))
    expect(correlationIds((await second.outgoing())?.pieces ?? [])).toEqual([9])
    await second.receive(produceRequest(10))
    expect(second.state()).toBeNull()
    settle[0]?.resolve({ responses: [] })
  })

  it('gives memory back for answers that nobody takes', async () => {
    let released = 0
    const table = tableOf({
      api: Fetch,
      handle: {
        kind: 'overlapping',
        run: () => ({
          effect: undefined,
          response: Promise.resolve({ responses: [] }),
          appends: false,
          sent: () => {
            released++
          },
        }),
      },
    })
    const connection = new Connection(table, fakeContext({}), 1000)
    await connection.receive(Buffer.concat([fetchRequest(1), fetchRequest(2)]))
    connection.close()
    await timers.sleep(1)
    expect(released).toBe(2)
    expect(await connection.outgoing()).toBeNull()
  })
})

function withInt16(bytes: Uint8Array, at: number, value: number): Uint8Array {
  new DataView(bytes.buffer, bytes.byteOffset).setInt16(at, value)
  return bytes
}

function cutShort(frame: Uint8Array): Uint8Array {
  const cut = Buffer.from(frame.subarray(0, frame.length - 2))
  cut.writeInt32BE(cut.length - 4)
  return cut
}
