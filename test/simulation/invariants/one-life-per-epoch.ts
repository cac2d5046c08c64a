import type { ProducerReply } from '../../../src/transaction/contract.ts'
import type { Invariant } from './invariant.ts'

/** An id with an epoch is given to one life of a producer and to no other. */
export function oneLifePerEpoch(): Invariant {
  const owners = new Map<string, string>()
  return {
    name: 'an-epoch-belongs-to-one-producer',
    served({ caller, method, result }) {
      if (method !== 'initProducerId') return null
      const { error, producerId, producerEpoch } = result as ProducerReply
      if (error !== 0) return null
      const key = `${producerId}:${producerEpoch}`
      const owner = owners.get(key)
      owners.set(key, caller.name)
      const isOther = owner !== undefined && owner !== caller.name
      return isOther ? `${key} was given to ${owner} and to ${caller.name}` : null
    },
  }
}
