import { describe, expect, it } from 'vitest'
import { deleteTopics } from '../../../src/broker/handlers/delete-topics.ts'
import { fakeContext, topicState } from '../fakes.ts'

const call = { version: 4, clientId: null }

describe('DeleteTopics', () => {
  it.each([
    [0, undefined],
    [7, undefined],
    [73, 'a'],
  ])('answered %i leaves %s in the cache', async (errorCode, left) => {
    const topic = topicState('a')
    const responses = [{ name: 'a', topicId: topic.id, errorCode }]
    const context = fakeContext({
      topics: [topic],
      cluster: { deleteTopics: async () => ({ responses }) },
    })
    await deleteTopics({ topics: [], topicNames: ['a'], timeoutMs: 1 }, call, context)
    expect(context.topics.byName('a')?.name).toBe(left)
  })
})
