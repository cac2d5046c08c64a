import { describe, expect, it } from 'vitest'
import type { ClusterRpc } from '../../src/cluster/contract.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { httpApp } from '../../src/http/app.ts'
import { LOCAL, memoryBroker, topicState } from './fakes.ts'

/** A cluster that remembers what it was asked and answers with `error`. */
function fakeCluster(error: number = KafkaError.NONE, message: string | null = null) {
  const asked: [string, unknown][] = []
  const config = (name: string, value: string, configSource: number) => {
    return { name, value, configSource, readOnly: false, isSensitive: false, synonyms: [] }
  }
  const methods: Partial<ClusterRpc> = {
    createTopics: async (request) => {
      asked.push(['createTopics', request])
      const { name } = request.topics[0]!
      const topic = { name, errorCode: error, errorMessage: message, numPartitions: 3, configs: [] }
      return { topics: [{ ...topic, topicId: topicState(name).id }] }
    },
    createPartitions: async (request) => {
      asked.push([`createPartitions ${request.validateOnly}`, request.topics])
      return { results: [{ name: 't', errorCode: error, errorMessage: message }] }
    },
    deleteTopics: async (request) => {
      asked.push(['deleteTopics', request])
      return { responses: [{ name: 't', errorCode: error, errorMessage: message }] }
    },
    describeConfigs: async () => ({
      results: [
        {
          errorCode: 0,
          errorMessage: null,
          resourceType: 2,
          resourceName: 't',
          configs: [config('retention.ms', '5', 1), config('cleanup.policy', 'delete', 5)],
        },
      ],
    }),
    incrementalAlterConfigs: async (request) => {
      asked.push(['alter', request.resources[0]!.configs])
      const resource = { resourceType: 2, resourceName: 't' }
      return { responses: [{ ...resource, errorCode: error, errorMessage: message }] }
    },
  }
  const broker = memoryBroker([topicState('t', 2), topicState('b', 5)], methods)
  const app = httpApp({ environment: LOCAL, context: () => broker.context, random: () => 0 })
  const ask = async (method: string, path: string, body?: unknown) => {
    const init = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
    const response = await app.fetch(new Request(`http://localhost${path}`, init))
    const text = await response.text()
    return { response, status: response.status, body: text === '' ? null : JSON.parse(text) }
  }
  return { ask, asked }
}

const SHOWN = {
  configs: { 'retention.ms': '5' },
  effectiveConfigs: { 'retention.ms': '5', 'cleanup.policy': 'delete' },
}

describe('topics over HTTP', () => {
  it('are created with configurations of any JSON scalar', async () => {
    const { ask, asked } = fakeCluster()
    const configs = {
      'retention.ms': 5,
      'unclean.leader.election.enable': false,
      'cleanup.policy': 'delete',
    }
    const { response, status, body } = await ask('POST', '/v1/topics', {
      name: 'new one',
      partitions: 3,
      configs,
    })
    expect(status).toBe(201)
    expect(response.headers.get('location')).toBe('/v1/topics/new%20one')
    expect(body).toEqual({ name: 'new one', id: topicState('new one').id, partitions: 3, ...SHOWN })
    expect(asked[0]![1]).toMatchObject({
      validateOnly: false,
      topics: [
        {
          name: 'new one',
          numPartitions: 3,
          replicationFactor: -1,
          configs: [
            { name: 'retention.ms', value: '5' },
            { name: 'unclean.leader.election.enable', value: 'false' },
            { name: 'cleanup.policy', value: 'delete' },
          ],
        },
      ],
    })
  })

  it("are created with the broker's number of partitions when none is given", async () => {
    const { ask, asked } = fakeCluster()
    await ask('POST', '/v1/topics', { name: 'x' })
    expect(asked[0]![1]).toMatchObject({ topics: [{ numPartitions: -1, replicationFactor: -1 }] })
  })

  it('are listed', async () => {
    const { body } = await fakeCluster().ask('GET', '/v1/topics')
    // This broker has no figures: they are said to be unknown.
    const unknown = { records: null, sizeBytes: null, worstGroup: null, reported: null }
    const rates = { recordsPerSecond: null, bytesPerSecond: null }
    const plain = { name: 't', id: topicState('t').id, partitions: 2 }
    expect(body.items).toContainEqual({ ...plain, ...unknown, ...rates })
    expect(body.items).toHaveLength(2)
    expect(body.next).toBe(null)
  })

  it('are shown with what is set and what holds', async () => {
    const { body } = await fakeCluster().ask('GET', '/v1/topics/t')
    expect(body).toEqual({ name: 't', id: topicState('t').id, partitions: 2, ...SHOWN })
  })

  it('are changed: partitions are checked first, configurations set or returned to their default', async () => {
    const { ask, asked } = fakeCluster()
    const change = { partitions: 4, configs: { 'retention.ms': 7, 'cleanup.policy': null } }
    expect((await ask('PATCH', '/v1/topics/t', change)).status).toBe(200)
    expect(asked).toEqual([
      ['createPartitions true', [{ name: 't', count: 4, assignments: null }]],
      [
        'alter',
        [
          { name: 'retention.ms', configOperation: 0, value: '7' },
          { name: 'cleanup.policy', configOperation: 1, value: null },
        ],
      ],
      ['createPartitions false', [{ name: 't', count: 4, assignments: null }]],
    ])
  })

  it('are left as they are by the number of partitions they have', async () => {
    const { ask, asked } = fakeCluster()
    expect((await ask('PATCH', '/v1/topics/t', { partitions: 2 })).status).toBe(200)
    expect(asked).toEqual([])
  })

  it('are deleted', async () => {
    const { ask, asked } = fakeCluster()
    expect(await ask('DELETE', '/v1/topics/t')).toMatchObject({ status: 204, body: null })
    expect(asked[0]![1]).toMatchObject({ topics: [{ name: 't' }] })
  })
})

describe('a topic request that Kafka refuses', () => {
  it.each([
    ['POST', '/v1/topics', { name: 't' }, KafkaError.TOPIC_ALREADY_EXISTS, 409, 'name'],
    ['POST', '/v1/topics', { name: '..' }, KafkaError.INVALID_TOPIC_EXCEPTION, 400, 'name'],
    [
      'POST',
      '/v1/topics',
      { name: 'x', configs: { no: 1 } },
      KafkaError.INVALID_CONFIG,
      400,
      'configs',
    ],
    ['PATCH', '/v1/topics/t', { partitions: 1 }, KafkaError.INVALID_PARTITIONS, 400, 'partitions'],
    ['PATCH', '/v1/topics/t', { configs: { no: 1 } }, KafkaError.INVALID_CONFIG, 400, 'configs'],
    ['DELETE', '/v1/topics/no', undefined, KafkaError.UNKNOWN_TOPIC_OR_PARTITION, 404, 'topic'],
  ])('%s %s %j says which field', async (method, path, body, error, status, field) => {
    const { ask } = fakeCluster(error, 'what Kafka says')
    const answer = await ask(method, path, body)
    expect(answer.body).toMatchObject({ status, field })
    if (status !== 404) expect(answer.body.detail).toBe('what Kafka says')
  })
})

describe('a topic request that is none', () => {
  it.each([
    ['POST', '/v1/topics', { partitions: 1 }, 'name'],
    ['POST', '/v1/topics', { name: 7 }, 'name'],
    ['POST', '/v1/topics', { name: 'x', partitions: 0 }, 'partitions'],
    ['POST', '/v1/topics', { name: 'x', partitions: 10_001 }, 'partitions'],
    ['POST', '/v1/topics', { name: 'x', replicas: 1 }, 'replicas'],
    ['POST', '/v1/topics', { name: 'x', configs: { a: null } }, 'configs.a'],
    ['POST', '/v1/topics', { name: 'x', configs: [] }, 'configs'],
    ['POST', '/v1/topics', [], ''],
    ['PATCH', '/v1/topics/t', {}, ''],
    ['PATCH', '/v1/topics/t', { name: 'u' }, 'name'],
    ['PATCH', '/v1/topics/t', { configs: { a: {} } }, 'configs.a'],
    ['GET', '/v1/topics?all=1', undefined, 'all'],
    ['DELETE', '/v1/topics/t?force=1', undefined, 'force'],
  ])('%s %s %j is 400 naming "%s" and asks nobody', async (method, path, body, field) => {
    const { ask, asked } = fakeCluster()
    const answer = await ask(method, path, body)
    expect(answer.body).toMatchObject({ code: 'INVALID_REQUEST', status: 400, field })
    expect(asked).toEqual([])
  })
})
