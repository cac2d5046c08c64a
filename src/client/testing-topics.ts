// Makes topics as a Kafka client does: of a broker that was just started that is half of what it takes over HTTP, for which
// it has to load more. Of Node alone, and no client: one connection, one request.

import { connect } from 'node:net'
import { type ErrorCode, errorMessage, errorName, isRetriable, KafkaError } from '../core/errors.ts'
import { decodeResponse, encodeRequest } from '../protocol/codec.ts'
import { CreateTopics } from '../protocol/messages/create-topics.ts'
import { OttlaError } from './client.ts'
import { MESSAGE_BYTES, REQUEST_TIMEOUT_MS } from './limits.ts'
import type { TestTopic } from './testing.ts'

const VERSION = 7
const HEADER = { correlationId: 1, clientId: 'ottla/testing' }
const SIZE_BYTES = 4
/** As many replicas as the broker makes. */
const BROKER_DEFAULT = -1

/**
 * Makes topics, all by one request, and gives the names of those that were there already.
 * @param kafka HOST:PORT
 * @throws OttlaError where one of them cannot be made, with the first one's reason
 */
export async function createTopics(
  kafka: string,
  topics: Readonly<Record<string, TestTopic>>,
): Promise<string[]> {
  const wanted = Object.entries(topics).map(([name, { partitions = 1, configs = {} }]) => ({
    name,
    numPartitions: partitions,
    replicationFactor: BROKER_DEFAULT,
    assignments: [],
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value: String(value) })),
  }))
  if (wanted.length === 0) return []
  const request = { topics: wanted, timeoutMs: REQUEST_TIMEOUT_MS }
  const frame = await answered(kafka, encodeRequest(CreateTopics, VERSION, HEADER, request))
  const { body } = decodeResponse(CreateTopics, VERSION, frame)
  const there: string[] = []
  for (const { name, errorCode, errorMessage: said } of body.topics) {
    const code = errorCode as ErrorCode
    if (code === KafkaError.TOPIC_ALREADY_EXISTS) there.push(name)
    else if (code !== KafkaError.NONE) throw refused(code, name, said)
  }
  return there
}

function refused(code: ErrorCode, topic: string, said: string | null): OttlaError {
  const details = { code: errorName(code), status: 0, retriable: isRetriable(code), topic }
  return new OttlaError(said ?? errorMessage(code), details)
}

/** Sends a request and gives the frame that answers it, without its size. */
function answered(kafka: string, request: Uint8Array): Promise<Uint8Array> {
  const { hostname, port } = new URL(`tcp://${kafka}`)
  return new Promise((done, failed) => {
    const socket = connect(Number(port), hostname.replace(/^\[|\]$/g, ''))
    const give = (outcome: () => void) => {
      socket.destroy()
      outcome()
    }
    const fail = (cause?: unknown) =>
      give(() => {
        const details = { code: 'NETWORK_EXCEPTION', status: 0, retriable: true, cause }
        failed(new OttlaError(`the broker at ${kafka} did not say whether it made topics`, details))
      })
    let frame = Buffer.alloc(0)
    socket.setNoDelay(true)
    socket.setTimeout(REQUEST_TIMEOUT_MS, fail)
    socket.once('error', fail)
    socket.once('close', fail)
    socket.on('data', (chunk) => {
      frame = Buffer.concat([frame, chunk])
      const size = frame.length < SIZE_BYTES ? 0 : frame.readInt32BE()
      if (size < 0 || size > MESSAGE_BYTES) fail()
      else if (size > 0 && frame.length >= SIZE_BYTES + size) {
        give(() => done(frame.subarray(SIZE_BYTES, SIZE_BYTES + size)))
      }
    })
    socket.write(request)
  })
}
