import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { giveProducerIds, NO_BLOCK } from '../../src/cluster/producer-ids.ts'

describe('producer ids', () => {
  it('are never given twice, also after a restart at any moment', () => {
    const step = fc.oneof(fc.integer({ min: 1, max: 1_500 }), fc.constant('restart' as const))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let durable = 0
        let block = NO_BLOCK
        let highest = -1
        for (const one of steps) {
          if (one === 'restart') {
            block = NO_BLOCK
            continue
          }
          const { changes, reply } = giveProducerIds(block, durable, one)
          for (const change of changes) if (change.kind === 'producerIds') durable = change.next
          block = reply.block
          expect(reply.first).toBeGreaterThan(highest)
          highest = reply.first + one - 1
          expect(highest).toBeLessThan(durable)
        }
      }),
    )
  })

  it('cost one write per thousand', () => {
    let durable = 0
    let block = NO_BLOCK
    let writes = 0
    for (let i = 0; i < 2_000; i++) {
      const { changes, reply } = giveProducerIds(block, durable, 1)
      for (const change of changes) if (change.kind === 'producerIds') durable = change.next
      writes += changes.length
      block = reply.block
    }
    expect(writes).toBe(2)
  })
})
