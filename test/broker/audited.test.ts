// Which answers are written down, and what of them.

import { describe, expect, it } from 'vitest'
import { APIS } from '../../src/broker/apis.ts'
import { auditedAnswer, isChange } from '../../src/broker/audited.ts'
import { KafkaError } from '../../src/core/errors.ts'

const REQUEST = {
  creations: [{ resourceName: 'orders', principal: 'User:a', key: new Uint8Array(3) }],
}
const DENIED = KafkaError.TOPIC_AUTHORIZATION_FAILED

describe('an answer', () => {
  it.each([
    [
      'Produce',
      {
        responses: [
          { name: 'mine', partitionResponses: [{ index: 0, errorCode: 0 }] },
          { name: 'theirs', partitionResponses: [{ index: 0, errorCode: DENIED }] },
          { name: 'mine too', partitionResponses: [{ index: 0, errorCode: 0 }] },
        ],
      },
      { event: 'denied', names: ['theirs'], errors: ['TOPIC_AUTHORIZATION_FAILED'] },
    ],
    [
      'Metadata',
      { topics: [{ name: 'theirs', errorCode: DENIED, partitions: [] }] },
      { event: 'denied', names: ['theirs'], errors: ['TOPIC_AUTHORIZATION_FAILED'] },
    ],
    [
      'Heartbeat',
      { errorCode: KafkaError.GROUP_AUTHORIZATION_FAILED },
      { event: 'denied', names: ['orders'], errors: ['GROUP_AUTHORIZATION_FAILED'] },
    ],
    [
      'CreateTopics',
      {
        topics: [
          { name: 'new', errorCode: 0 },
          { name: 'old', errorCode: KafkaError.TOPIC_ALREADY_EXISTS },
        ],
      },
      { event: 'changed', names: ['new', 'old'], errors: ['TOPIC_ALREADY_EXISTS'] },
    ],
    [
      'DeleteGroups',
      { results: [{ groupId: 'g', errorCode: 0 }] },
      { event: 'changed', names: ['g'] },
    ],
    ['Fetch', { errorCode: 0, responses: [{ topic: 't', partitions: [{ errorCode: 1 }] }] }, null],
    ['CreateAcls', { results: [{ errorCode: 0 }] }, { event: 'changed', names: ['orders'] }],
    ['ListGroups', { errorCode: 0, groups: [{ groupId: 'g' }] }, null],
  ])('of %s', (api, answer, event) => {
    expect(auditedAnswer(api, answer, REQUEST)).toEqual(event)
  })

  it('is written down for APIs that are served', () => {
    const served = [...APIS.values()].map(({ api }) => api.name)
    expect(served.filter(isChange)).toHaveLength(16)
  })
})
