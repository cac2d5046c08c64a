import { describe, expect, it } from 'vitest'
import { createTopics } from '../../../src/broker/handlers/create-topics.ts'
import { AUDIT_TOPIC } from '../../../src/cluster/names.ts'
import { KafkaError } from '../../../src/core/errors.ts'
import { fakeContext } from '../fakes.ts'

const sized = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }

describe('CreateTopics', () => {
  it('leaves the topic of the audit log to the audit log', async () => {
    const asked: string[] = []
    const context = fakeContext({
      cluster: {
        createTopics: async ({ topics }) => {
          asked.push(...topics.map(({ name }) => name))
          return { topics: [] }
        },
      },
    })
    const topics = [AUDIT_TOPIC, 'other'].map((name) => ({ name, ...sized }))
    const request = { topics, timeoutMs: 1_000, validateOnly: false }
    const answer = await createTopics(request, { version: 7, clientId: null }, context)
    expect(asked).toEqual(['other'])
    const { INVALID_REQUEST } = KafkaError
    expect(answer.topics).toMatchObject([{ name: AUDIT_TOPIC, errorCode: INVALID_REQUEST }])
  })
})
