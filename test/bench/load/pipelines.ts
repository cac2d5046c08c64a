// One record per request on one connection, the same bytes to every system: Kafka's Produce, NATS' publish
// with a reply inbox, Redis' XADD. Each answer is checked, so that what is counted was accepted.

import { LoadClient } from '../client.ts'
import { NATS, RESP } from '../framing.ts'
import { createTopic, produce, produceRequest, recordValue } from '../kafka.ts'
import type { LineServer } from '../systems/nats.ts'

/** A connection with one prepared request. */
export interface Pipeline {
  /** Requests per second, sent for so long with at most `inFlight` unanswered. */
  rate(load: { readonly inFlight: number; readonly withinMs: number }): Promise<number>
  /** Milliseconds of one request. */
  once(): Promise<number>
  close(): void
}

type Send = (load: {
  readonly count: number
  readonly inFlight: number
  readonly withinMs?: number
  readonly counted: () => void
}) => Promise<number>

function pipelineOf(client: LoadClient, send: Send): Pipeline {
  return {
    async rate(load) {
      let count = 0
      const counted = () => {
        count++
      }
      const ms = await send({ ...load, count: Number.POSITIVE_INFINITY, counted })
      return (count * 1e3) / ms
    },
    once: () => send({ count: 1, inFlight: 1, counted: () => {} }),
    close: () => client.close(),
  }
}

/** Every answer is `check`ed, and counted when that throws nothing. */
function sending(client: LoadClient, request: Uint8Array, check: (answer: Buffer) => void): Send {
  return ({ counted, ...load }) => {
    const take = (answer: Buffer) => {
      check(answer)
      counted()
    }
    return client.pipeline({ ...load, request, take })
  }
}

const VALUE = recordValue(0)

/** To a broker of the Kafka protocol, whose topic it creates. */
export async function kafkaPipeline(port: number): Promise<Pipeline> {
  const client = await LoadClient.open(port)
  await createTopic(client)
  const request = produceRequest(1)
  return pipelineOf(client, (load) => produce(client, { ...load, request }))
}

/** To the floor that makes one row and one commit of each request. */
export async function floorPipeline(port: number): Promise<Pipeline> {
  const client = await LoadClient.open(port)
  return pipelineOf(
    client,
    sending(client, produceRequest(1), () => {}),
  )
}

/** To a new JetStream stream of one subject. */
export async function natsPipeline({ port }: LineServer): Promise<Pipeline> {
  const client = await LoadClient.open(port, NATS)
  await client.call(Buffer.from('CONNECT {"verbose":false}\r\nSUB inbox 1\r\nPING\r\n'))
  const stream = { name: 'bench', subjects: ['bench'], storage: 'file', num_replicas: 1 }
  const created = publish('$JS.API.STREAM.CREATE.bench', Buffer.from(JSON.stringify(stream)))
  checkNats(await client.call(created))
  return pipelineOf(client, sending(client, publish('bench', VALUE), checkNats))
}

function publish(subject: string, payload: Uint8Array): Buffer {
  const line = Buffer.from(`PUB ${subject} inbox ${payload.length}\r\n`)
  return Buffer.concat([line, payload, Buffer.from('\r\n')])
}

function checkNats(answer: Buffer): void {
  if (answer[0] !== 'M'.charCodeAt(0) || answer.includes('"error"')) {
    throw new Error(`NATS: ${answer.toString('latin1')}`)
  }
}

/** To a new stream of Redis. */
export async function redisPipeline({ port }: LineServer): Promise<Pipeline> {
  const client = await LoadClient.open(port, RESP)
  const words = ['XADD', 'bench', '*', 'v', VALUE]
  const parts = words.map((word) => [`\r\n$${word.length}\r\n`, word])
  const pieces = [`*${words.length}`, ...parts.flat(), '\r\n']
  const request = Buffer.concat(pieces.map((piece) => Buffer.from(piece)))
  const check = (answer: Buffer) => {
    if (answer[0] !== '$'.charCodeAt(0)) throw new Error(`Redis: ${answer.toString('latin1')}`)
  }
  return pipelineOf(client, sending(client, request, check))
}
