/// <reference types="@cloudflare/vitest-plugin/types" />
// The R2 store on wrangler's local R2, bound as wrangler.toml has it.

import { env } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { ObjectStore } from '../../src/tier/object-store.ts'
import { tierOf } from '../../src/tier/tier.ts'
import { storeContract } from '../tier/store-contract.ts'

describe('the store in an R2 bucket', () => {
  const tier = tierOf(env)
  storeContract(() => tier?.store as ObjectStore, { simulated: true })

  it('is durable when deployed, and a simulation on this machine', () => {
    expect(tierOf({ ...env, OTTLA_LOCAL: '' })?.isSynced).toBe(true)
    expect(tierOf({ ...env, OTTLA_LOCAL: '1' })?.isSynced).toBe(false)
  })
})
