import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import { offset } from '../../src/core/ids.ts'
import { topicStatus } from '../../src/http/topic-status.ts'
import type { PartitionSize } from '../../src/partition/contract.ts'
import { fakeContext, topicState } from '../broker/fakes.ts'

const SIZE = { logStartOffset: offset(0), highWatermark: offset(9), sizeBytes: 100 }
const TIER = { localLogStartOffset: 4, tieredEndOffset: 6 }

function status(sizes: readonly Partial<PartitionSize>[]) {
  const topic = topicState('t', sizes.length)
  const context = fakeContext({
    topics: [topic],
    partition: (_, partition) => ({
      size: async () => ({ error: KafkaError.NONE, ...SIZE, ...sizes[partition] }),
    }),
  })
  return topicStatus(context, topic)
}

describe('the status of a tiered topic', () => {
  it('is ok while nothing is wrong', async () => {
    expect(await status([{}, { tier: { ...TIER, failure: null } }])).toEqual({
      state: 'ok',
      problems: [],
    })
  })

  it('names the partitions that have a problem, since when and why', async () => {
    const failure = { sinceMs: Date.UTC(2026, 0, 2), reason: 'nobody answers' }
    const unknown = { sinceMs: 0, reason: 'none is configured' }
    const shown = await status([
      { tier: { ...TIER, failure } },
      {},
      { tier: { ...TIER, failure: unknown } },
      { error: KafkaError.KAFKA_STORAGE_ERROR },
    ])
    expect(shown).toEqual({
      state: 'degraded',
      problems: [
        { partition: 0, since: '2026-01-02T00:00:00.000Z', reason: 'nobody answers' },
        { partition: 2, since: null, reason: 'none is configured' },
      ],
    })
  })
})
