// Requests of one connection take effect in the order they were sent, whatever each of them waits for:
// the handlers as they are, over objects whose answers take any time. What Kafka's muted channel gives.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { APIS } from '../../src/broker/apis.ts'
import { Connection } from '../../src/broker/connection.ts'
import type { ClusterRpc, TopicState } from '../../src/cluster/contract.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { offset, type TopicId } from '../../src/core/ids.ts'
import type { GroupRpc } from '../../src/group/contract.ts'
import type { PartitionRpc } from '../../src/partition/contract.ts'
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts'
import { CreateTopics } from '../../src/protocol/messages/create-topics.ts'
import { DeleteTopics } from '../../src/protocol/messages/delete-topics.ts'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.ts'
import { OffsetCommit } from '../../src/protocol/messages/offset-commit.ts'
import { OffsetFetch } from '../../src/protocol/messages/offset-fetch.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import type { AnyApi } from '../../src/protocol/schema.ts'
import { buildBatch } from '../../src/record/build.ts'
import { fakeContext, topicState } from './fakes.ts'

/** What is sent: to one of two topics, which only `create` brings into being, each time a new one. */
interface Step {
  readonly verb: 'create' | 'delete' | 'produce' | 'end' | 'commit' | 'fetch'
  readonly topic: number
}

const steps = fc.array(
  fc.record({
    verb: fc.constantFrom('create', 'delete', 'produce', 'end', 'commit', 'fetch'),
    topic: fc.nat(1),
  }) satisfies fc.Arbitrary<Step>,
  { minLength: 2, maxLength: 12 },
)
/** How many turns of the event loop each call takes on its way there, and back. */
const delays = fc.infiniteStream(fc.nat(3))

const NAMES = ['a', 'b']
const NONE = 0

/** Objects that take calls of one caller in the order made, each when it likes, and answer likewise. */
class World {
  readonly #delays: Iterator<number>
  readonly #arrivals = new Map<string, Promise<void>>()
  readonly topics = new Map<string, TopicState>()
  readonly #ends = new Map<TopicId, number>()
  readonly #committed = new Map<TopicId, number>()
  #lastId = 0

  constructor(delays: Iterator<number>) {
    this.#delays = delays
  }

  async #pause(): Promise<void> {
    for (let left = this.#delays.next().value ?? 0; left > 0; left--) {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async #call<T>(object: string, act: () => T): Promise<T> {
    const before = this.#arrivals.get(object) ?? Promise.resolve()
    const arrived = before.then(() => this.#pause())
    this.#arrivals.set(object, arrived)
    await arrived
    const result = act()
    await this.#pause()
    return result
  }

  #newId(): TopicId {
    this.#lastId += 1
    return `topic-${this.#lastId}`.padEnd(22, 'A') as TopicId
  }

  #isDead(id: TopicId): boolean {
    return ![...this.topics.values()].some((topic) => topic.id === id)
  }

  readonly cluster: Partial<ClusterRpc> = {
    lookup: ({ names = [], ids = [] }) =>
      this.#call('cluster', () => {
        const byId = ids.map((id) => [...this.topics.values()].find((topic) => topic.id === id))
        const found = [...names.map((name) => this.topics.get(name)), ...byId]
        const topics = found.map((topic) =>
          topic === undefined
            ? { error: KafkaError.UNKNOWN_TOPIC_OR_PARTITION }
            : { error: NONE as 0, topic },
        )
        return { clusterId: 'c', topics }
      }),
    createTopics: (request) =>
      this.#call('cluster', () => ({
        topics: request.topics.map(({ name }) => {
          const errorCode = this.topics.has(name) ? KafkaError.TOPIC_ALREADY_EXISTS : NONE
          if (errorCode === NONE) this.topics.set(name, { ...topicState(name), id: this.#newId() })
          return { name, errorCode }
        }),
      })),
    deleteTopics: (request) =>
      this.#call('cluster', () => ({
        responses: request.topicNames.map((name) => {
          const errorCode = this.topics.has(name) ? NONE : KafkaError.UNKNOWN_TOPIC_OR_PARTITION
          this.topics.delete(name)
          return { name, errorCode }
        }),
      })),
  }

  readonly partition = (id: TopicId): Partial<PartitionRpc> => ({
    append: () =>
      this.#call(id, () => {
        if (this.#isDead(id)) {
          return { kind: 'refused', error: KafkaError.UNKNOWN_TOPIC_ID, logStartOffset: offset(-1) }
        }
        const baseOffset = offset(this.#ends.get(id) ?? 0)
        this.#ends.set(id, baseOffset + 1)
        return { kind: 'appended', baseOffset, logStartOffset: offset(0) }
      }),
    listOffset: () =>
      this.#call(id, () => ({
        error: this.#isDead(id) ? KafkaError.UNKNOWN_TOPIC_ID : NONE,
        offset: offset(this.#ends.get(id) ?? 0),
        timestamp: -1,
      })),
  })

  readonly group = (): Partial<GroupRpc> => ({
    commitOffsets: ({ topics }) =>
      this.#call('group', () => {
        const errors = topics.map(({ topicId, partitions }) => {
          if (this.#isDead(topicId)) return KafkaError.UNKNOWN_TOPIC_ID
          this.#committed.set(topicId, partitions[0]?.offset ?? -1)
          return NONE
        })
        return { topics: errors.map((error) => ({ errors: [error] })) }
      }),
    fetchOffsets: ({ topics }) =>
      this.#call('group', () => ({
        error: NONE,
        topics: (topics ?? []).map(({ topicId }) => ({
          topicId,
          name: '',
          partitions: [
            {
              partition: 0,
              offset: this.#committed.get(topicId) ?? -1,
              leaderEpoch: -1,
              metadata: '',
              error: NONE,
            },
          ],
        })),
      })),
  })
}

/** The same steps one after the other: what each must be answered. */
function expected(sent: readonly Step[]): string[] {
  const created = new Set<number>()
  const ends = [0, 0]
  const committed = [-1, -1]
  return sent.map(({ verb, topic }, index) => {
    if (verb === 'create') {
      const isNew = !created.has(topic)
      created.add(topic)
      return `create ${isNew ? NONE : KafkaError.TOPIC_ALREADY_EXISTS}`
    }
    const unknown = !created.has(topic)
    if (verb === 'delete') {
      created.delete(topic)
      ends[topic] = 0
      committed[topic] = -1
      return `delete ${unknown ? KafkaError.UNKNOWN_TOPIC_OR_PARTITION : NONE}`
    }
    const error = unknown ? KafkaError.UNKNOWN_TOPIC_OR_PARTITION : NONE
    switch (verb) {
      case 'produce':
        return `produce ${error} at ${unknown ? -1 : ends[topic]!++}`
      case 'end':
        return `end ${error} at ${unknown ? -1 : ends[topic]}`
      case 'commit':
        if (!unknown) committed[topic] = index
        return `commit ${error}`
      case 'fetch':
        return `fetch ${committed[topic]}`
    }
    throw new Error(verb)
  })
}

const VERBS = {
  create: { api: CreateTopics, version: 5 },
  delete: { api: DeleteTopics, version: 3 },
  produce: { api: Produce, version: 9 },
  end: { api: ListOffsets, version: 5 },
  commit: { api: OffsetCommit, version: 7 },
  fetch: { api: OffsetFetch, version: 5 },
} as const

function body({ verb, topic }: Step, index: number): object {
  const name = NAMES[topic]!
  switch (verb) {
    case 'create':
      return {
        topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
      }
    case 'delete':
      return { topicNames: [name], timeoutMs: 1_000 }
    case 'produce': {
      const record = { key: null, value: null, timestamp: Date.now() }
      const records = buildBatch({ records: [record] })
      const topicData = [{ name, partitionData: [{ index: 0, records }] }]
      return { transactionalId: null, acks: -1, timeoutMs: 1_000, topicData }
    }
    case 'end':
      return {
        replicaId: -1,
        topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
      }
    case 'commit': {
      const partition = { partitionIndex: 0, committedOffset: index, committedMetadata: null }
      return { groupId: 'g', memberId: '', topics: [{ name, partitions: [partition] }] }
    }
    case 'fetch':
      return { groupId: 'g', topics: [{ name, partitionIndexes: [0] }] }
  }
}

function summary(verb: Step['verb'], frame: Uint8Array): string {
  const read = <A extends AnyApi>(api: A, version: number) =>
    decodeResponse(api, version, frame).body as never
  const { api, version } = VERBS[verb]
  const answer: Record<string, never> = read(api, version)
  const topics: { [field: string]: never }[] = answer.topics ?? answer.responses ?? []
  const [topic] = topics
  if (verb === 'create' || verb === 'delete') return `${verb} ${topic?.errorCode}`
  const partitions: { [field: string]: number }[] =
    topic?.partitions ?? topic?.partitionResponses ?? []
  const [partition] = partitions
  if (verb === 'commit') return `commit ${partition?.errorCode}`
  if (verb === 'fetch') return `fetch ${partition?.committedOffset}`
  const at = partition?.baseOffset ?? partition?.offset
  return `${verb} ${partition?.errorCode} at ${at}`
}

describe('pipelined requests of one connection', () => {
  it('take effect in order, whatever their handlers wait for', async () => {
    await fc.assert(
      fc.asyncProperty(steps, delays, async (sent, stream) => {
        const world = new World(stream[Symbol.iterator]())
        const { cluster, partition, group } = world
        const connection = new Connection(APIS, fakeContext({ cluster, partition, group }), 1e6)
        const frames = sent.map((step, index) => {
          const { api, version } = VERBS[step.verb]
          const header = { correlationId: index, clientId: 'c' }
          return encodeRequest(api as AnyApi, version, header, body(step, index) as never)
        })
        void connection.receive(Buffer.concat(frames))
        const answers: string[] = []
        while (answers.length < sent.length) {
          const out = await connection.outgoing()
          const bytes = Buffer.concat(out?.pieces ?? [])
          for (let at = 0; at < bytes.length; at += 4 + bytes.readInt32BE(at)) {
            const frame = bytes.subarray(at + 4, at + 4 + bytes.readInt32BE(at))
            expect(frame.readInt32BE(0)).toBe(answers.length)
            answers.push(summary(sent[answers.length]!.verb, frame))
          }
          out?.sent()
        }
        connection.close()
        expect(answers).toEqual(expected(sent))
      }),
      { numRuns: 300 },
    )
  })
})
