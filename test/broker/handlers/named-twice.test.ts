// What a request names twice is refused by the controller, all copies of it. So handlers let it through without asking for
// rights, and then nothing may come between that takes one of the copies away.

import { describe, expect, it } from 'vitest'
import { createPartitions } from '../../../src/broker/handlers/create-partitions.ts'
import { createTopics } from '../../../src/broker/handlers/create-topics.ts'
import { deleteTopics } from '../../../src/broker/handlers/delete-topics.ts'
import { describeConfigs } from '../../../src/broker/handlers/describe-configs.ts'
import { authorizerSettings, SecurityState } from '../../../src/broker/security.ts'
import { KafkaError } from '../../../src/core/errors.ts'
import { type TopicId, ZERO_TOPIC_ID } from '../../../src/core/ids.ts'
import type { Access } from '../../../src/security/access.ts'
import { NO_SECURITY } from '../../../src/security/kept.ts'
import { principalOf } from '../../../src/security/principal.ts'
import { fakeContext, timers, topicState } from '../fakes.ts'

const SECRET = topicState('secret')

/** Of a user without any rule. */
const NOTHING: Access = {
  principal: principalOf('mallory'),
  isOpen: false,
  ready: () => undefined,
  may: () => false,
  mayOnAny: () => false,
}

/** A user without rules who may change a partition in a hundred seconds, and what the controller was asked for. */
async function setup() {
  const security = new SecurityState(
    timers.now,
    authorizerSettings({ config: {}, secret: 'secret', user: 'admin' }),
  )
  const values = { controller_mutation_rate: 0.01 }
  const quotas = [{ entity: { user: 'mallory' }, values }]
  const snapshot = { ...NO_SECURITY, version: 1, quotasVersion: 1, quotas }
  await security.ready({ security: async () => snapshot })
  const asked: string[] = []
  const saw = (names: readonly (string | null)[]) => asked.push(...names.map(String))
  const context = fakeContext({
    topics: [SECRET],
    cluster: {
      lookup: async ({ names = [] }) => ({
        clusterId: 'c',
        topics: names.map(() => ({ error: 0 as const, topic: SECRET })),
      }),
      createTopics: async ({ topics }) => {
        saw(topics.map(({ name }) => name))
        return { topics: [] }
      },
      createPartitions: async ({ topics }) => {
        saw(topics.map(({ name }) => name))
        return { throttleTimeMs: 0, results: [] }
      },
      deleteTopics: async ({ topics, topicNames }) => {
        saw([...topics.map(({ name }) => name), ...topicNames])
        return { throttleTimeMs: 0, responses: [] }
      },
      describeConfigs: async ({ resources }) => {
        saw(resources.map(({ resourceName }) => resourceName))
        return { throttleTimeMs: 0, results: [] }
      },
    },
    context: { access: NOTHING, security, brokerConfig: async () => '1' },
  })
  return { context, asked }
}

const call = (version: number) => ({ version, clientId: null })
const timed = { timeoutMs: 1_000, validateOnly: false }
const named = (topicId: TopicId) => ({ name: 'secret', topicId })

describe('a user with a quota and without rights who names a topic twice', () => {
  it('creates none: the controller sees both', async () => {
    const { context, asked } = await setup()
    const topic = {
      name: 'secret',
      numPartitions: 1,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    }
    await createTopics({ topics: [topic, topic], ...timed }, call(7), context)
    expect(asked).toEqual(['secret', 'secret'])
  })

  it('adds no partitions: the controller sees both', async () => {
    const { context, asked } = await setup()
    const topic = { name: 'secret', count: 3, assignments: null }
    await createPartitions({ topics: [topic, topic], ...timed }, call(3), context)
    expect(asked).toEqual(['secret', 'secret'])
  })

  it.each([5, 6])('deletes none by version %i: the controller sees both', async (version) => {
    const { context, asked } = await setup()
    const request =
      version === 5
        ? { topics: [], topicNames: ['secret', 'secret'] }
        : { topics: [named(ZERO_TOPIC_ID), named(ZERO_TOPIC_ID)], topicNames: [] }
    await deleteTopics({ ...request, timeoutMs: 1_000 }, call(version), context)
    expect(asked).toEqual(['secret', 'secret'])
  })

  it('deletes none that is named alone and again with an id, which is no double', async () => {
    const { context, asked } = await setup()
    const topics = [named(ZERO_TOPIC_ID), named(SECRET.id)]
    const answer = await deleteTopics(
      { topics, topicNames: [], timeoutMs: 1_000 },
      call(6),
      context,
    )
    expect(asked).toEqual(['secret'])
    const refused = { name: 'secret', errorCode: KafkaError.TOPIC_AUTHORIZATION_FAILED }
    expect(answer.responses).toContainEqual(expect.objectContaining(refused))
  })

  it('reads no configuration', async () => {
    const { context, asked } = await setup()
    const resource = { resourceType: 2, resourceName: 'secret', configurationKeys: null }
    const asking = { includeSynonyms: false, includeDocumentation: false }
    const request = { resources: [resource, resource], ...asking }
    const { results } = await describeConfigs(request, call(4), context)
    expect(asked).toEqual([])
    expect(results.map(({ errorCode }) => errorCode)).toEqual([29, 29])
  })
})
