// Producer ids: handed out of a block that is durable before its first id is given, so none is ever
// given twice; what is left of a block when the object restarts is never used.

import type { Decision } from './cluster.ts'

/** Ids made durable at once: a write per so many producers (Kafka's block is 1,000 too). */
const BLOCK = 1_000

/** The block in memory: ids from `next` up to but not including `end` are free. */
export interface ProducerIdBlock {
  readonly next: number
  readonly end: number
}

/** Ids given, and the block afterwards. */
export interface GivenIds {
  readonly first: number
  readonly block: ProducerIdBlock
}

/** Nothing is free: the next call makes a block. */
export const NO_BLOCK: ProducerIdBlock = { next: 0, end: 0 }

/**
 * Decides to give `count` ids in a row.
 * @param nextDurable ids from here on were never made durable
 */
export function giveProducerIds(
  block: ProducerIdBlock,
  nextDurable: number,
  count: number,
): Decision<GivenIds> {
  if (count <= block.end - block.next) {
    const reply = { first: block.next, block: { next: block.next + count, end: block.end } }
    return { changes: [], reply }
  }
  const end = nextDurable + Math.max(BLOCK, count)
  return {
    changes: [{ kind: 'producerIds', next: end }],
    reply: { first: nextDurable, block: { next: nextDurable + count, end } },
  }
}
