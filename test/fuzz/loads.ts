// The loads of the overload run: what each of their connections says, and how many there are. Not who runs them.

import { spawnSync } from 'node:child_process'
import { CONNECTIONS_FILES_SHARE, FILES_PER_CONNECTION } from '../../src/core/limits.ts'
import { encodeRequest } from '../../src/protocol/codec.ts'
import { Fetch } from '../../src/protocol/messages/fetch.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import { buildBatch } from '../../src/record/build.ts'
import { shareOfFiles } from '../../src/runtime/awake.ts'
import type { Load } from './generator.ts'

/** On which listener of a broker. */
export type Aimed = Omit<Load, 'port'> & { readonly at: 'kafka' | 'http' }

/** Where the floods write and read. */
export const FLOODED = 'flooded'

const SLOW = 500
/** Clients that a machine of two cores serves at full speed, ten times over. */
const FLOOD = 40
const DRIBBLE_MS = 500
const IDLE = 10_000
const FILES_OF_OTHERS = 600
const LARGE_VALUE_BYTES = 16 * 1024
const SMALL_VALUE_BYTES = 100

/** By the names under which they are told. `lasts`: they are opened once, for a long window. */
export interface Trial {
  readonly name: string
  readonly loads: readonly Aimed[]
  readonly lasts: boolean
}

/** All of them, with so many idle connections. */
export function trials(idle: number): readonly Trial[] {
  const ofKafka = Math.min(Math.floor(idle / 2), kafkaConnections())
  return [
    {
      name: `${SLOW} frames of 1 MiB on the Kafka port, a byte at a time`,
      loads: [slow('kafka', frameHead(1_048_576), Buffer.from([0]))],
      lasts: true,
    },
    {
      name: `${SLOW} headers and ${SLOW} bodies over HTTP, a byte at a time`,
      loads: [
        slow(
          'http',
          Buffer.from('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n'),
          Buffer.from('X-A: 1\r\n'),
        ),
        slow('http', bodyHead(), Buffer.from('a')),
      ],
      lasts: true,
    },
    {
      name: `${idle} idle connections (${ofKafka} of Kafka clients)`,
      loads: [
        { kind: 'idle', at: 'kafka', count: ofKafka },
        { kind: 'idle', at: 'http', count: idle - ofKafka },
      ],
      lasts: true,
    },
    flood('producers of 16 KiB', produce(LARGE_VALUE_BYTES)),
    flood('producers of 100 bytes', produce(SMALL_VALUE_BYTES)),
    flood('readers', read()),
    flood(
      'clients of HTTP',
      Buffer.from(`GET /v1/topics/${FLOODED} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`),
      'http',
    ),
  ]
}

/** Files that a process may open. */
export function openFiles(): number {
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' })
  return stdout.trim() === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(stdout)
}

/** Ten thousand, where a process may open files enough for them: each is two, and the broker has some of its own. */
export function mostIdle(): number {
  return Math.min(IDLE, Math.floor((openFiles() - FILES_OF_OTHERS) / FILES_PER_CONNECTION))
}

/** What a broker here accepts of Kafka clients; the measuring client has some itself. */
function kafkaConnections(): number {
  return shareOfFiles(openFiles(), CONNECTIONS_FILES_SHARE, FILES_PER_CONNECTION) - 10
}

function slow(at: Aimed['at'], first: Uint8Array, piece: Uint8Array): Aimed {
  return { kind: 'slow', at, count: SLOW, first, piece, pieceMs: DRIBBLE_MS }
}

function flood(who: string, piece: Uint8Array, at: Aimed['at'] = 'kafka'): Trial {
  return {
    name: `${FLOOD} ${who} that wait for no answer`,
    loads: [{ kind: 'flood', at, count: FLOOD, piece }],
    lasts: false,
  }
}

function frameHead(size: number): Buffer {
  const head = Buffer.alloc(14)
  head.writeInt32BE(size, 0)
  head.writeInt16BE(3, 4)
  head.writeInt16BE(1, 6)
  return head
}

function bodyHead(): Buffer {
  const path = `/v1/topics/${FLOODED}/records`
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
      'Content-Length: 16000000\r\n\r\n{"value":"',
  )
}

function produce(valueBytes: number): Uint8Array {
  const value = new Uint8Array(valueBytes)
  const records = buildBatch({ records: [{ timestamp: Date.now(), key: null, value }] })
  const topicData = [{ name: FLOODED, partitionData: [{ index: 0, records }] }]
  const header = { correlationId: 1, clientId: 'flood' }
  return encodeRequest(Produce, 9, header, { acks: -1, timeoutMs: 1_000, topicData })
}

function read(): Uint8Array {
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 65_536 }]
  const header = { correlationId: 1, clientId: 'flood' }
  const topics = [{ topic: FLOODED, partitions }]
  return encodeRequest(Fetch, 12, header, { maxWaitMs: 100, minBytes: 1, topics, rackId: '' })
}
