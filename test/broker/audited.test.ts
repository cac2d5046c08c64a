// Which answers are written down, and what of them.

import { describe, expect, it } from 'vitest'
import { APIS } from '../../src/broker/apis.ts'
import { auditedAnswer, isChange } from '../../src/broker/audited.ts'
import { KafkaError } from '../../src/core/errors.ts'

const REQUEST = {
  creations: [{ resourceName: 'orders', principal: 'User:a', key: new Uint8Array(3) }],
}
/** READ of a topic is allowed. */
const RULE = {
  resourceType: 2,
  resourceName: 'orders',
  principal: 'User:a',
  host: '*',
  operation: 3,
  permissionType: 3,
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
    ['ListGroups', { errorCode: 0, groups: [{ groupId: 'g' }] }, null],
  ])('of %s', (api, answer, event) => {
    expect(auditedAnswer(api, answer, REQUEST)).toEqual(event)
  })

  it.each([
    [
      'CreateAcls',
      {
        creations: [
          { ...RULE, resourcePatternType: 3 },
          { ...RULE, resourcePatternType: 4, operation: 2, permissionType: 2, host: '10.0.0.1' },
        ],
      },
      { results: [{ errorCode: 0 }, { errorCode: 0 }] },
      [
        'ALLOW User:a READ on TOPIC LITERAL orders from *',
        'DENY User:a ALL on TOPIC PREFIXED orders from 10.0.0.1',
      ],
    ],
    [
      'DeleteAcls',
      { filters: [{ resourceTypeFilter: 2, resourceNameFilter: null }] },
      { filterResults: [{ errorCode: 0, matchingAcls: [{ ...RULE, patternType: 3 }] }] },
      ['ALLOW User:a READ on TOPIC LITERAL orders from *'],
    ],
    [
      'AlterClientQuotas',
      {
        entries: [
          {
            entity: [
              { entityType: 'user', entityName: 'a' },
              { entityType: 'client-id', entityName: null },
            ],
            ops: [
              { key: 'producer_byte_rate', value: 5, remove: false },
              { key: 'consumer_byte_rate', value: 0, remove: true },
            ],
          },
        ],
      },
      { entries: [{ errorCode: 0, entity: [] }] },
      ['user=a,client-id=<default>: producer_byte_rate=5, consumer_byte_rate removed'],
    ],
    [
      'UpdateFeatures',
      { featureUpdates: [{ feature: 'group.version', maxVersionLevel: 1 }] },
      { errorCode: 0, results: [] },
      ['group.version=1'],
    ],
  ])('of %s says what was changed and for whom', (api, request, answer, names) => {
    expect(auditedAnswer(api, answer, request)).toEqual({ event: 'changed', names })
  })

  it('is written down for APIs that are served', () => {
    const served = [...APIS.values()].map(({ api }) => api.name)
    expect(served.filter(isChange)).toHaveLength(16)
  })
})
