import type { ReadReply } from '../../../src/partition/contract.ts'
import type { Invariant } from './invariant.ts'

/** The last stable offset and the high watermark, as readers are told them, never go back. */
export function stableOffsetNeverGoesBack(): Invariant {
  const known = new Map<string, { readonly stable: number; readonly high: number }>()
  return {
    name: 'last-stable-offset-never-goes-back',
    served({ object, method, result }) {
      if (method !== 'read') return null
      const { error, lastStableOffset: stable, highWatermark: high } = result as ReadReply
      if (error !== 0) return null
      const before = known.get(object) ?? { stable: 0, high: 0 }
      known.set(object, { stable, high })
      if (stable > high) return `${object}: ${stable} is above the high watermark ${high}`
      if (stable < before.stable) return `${object}: from ${before.stable} to ${stable}`
      return high < before.high ? `${object}: high watermark from ${before.high} to ${high}` : null
    },
  }
}
