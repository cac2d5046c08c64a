import { describe, expect, it } from 'vitest'
import { DirectoryStore } from '../../src/tier/directory-store.ts'
import { R2Store } from '../../src/tier/r2-store.ts'
import { S3Store } from '../../src/tier/s3-store.ts'
import { tierOf } from '../../src/tier/tier.ts'

const service = { fetch: async () => new Response() }
const bucket = { put() {}, get() {}, delete() {}, list() {} }
const s3 = {
  'ottla.tier.s3.endpoint': 'http://127.0.0.1:9000',
  'ottla.tier.s3.bucket': 'logs',
}
const credentials = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }

describe('the tier of an environment', () => {
  it('is none', () => {
    expect(tierOf({})).toBeNull()
    expect(tierOf({ OTTLA_TIER: 'a text' })).toBeNull()
  })

  it('is a directory, whose objects power loss may take', () => {
    const OTTLA_CONFIG = { 'ottla.tier.dir': '/d' }
    const tier = tierOf({ OTTLA_CONFIG, OTTLA_TIER_DIRECTORY: service })
    expect(tier?.store).toBeInstanceOf(DirectoryStore)
    expect(tier?.isSynced).toBe(false)
  })

  it('is a bucket of an S3 server, also where one of R2 is bound', () => {
    const tier = tierOf({ OTTLA_CONFIG: s3, OTTLA_TIER: bucket, ...credentials })
    expect(tier?.store).toBeInstanceOf(S3Store)
    expect(tier?.isSynced).toBe(true)
  })

  it('is asked for through the launcher’s way to the network', async () => {
    const asked: string[] = []
    const OTTLA_TIER_NETWORK = {
      fetch: async (request: Request) => {
        asked.push(request.url)
        return new Response()
      },
    }
    await tierOf({ OTTLA_CONFIG: s3, OTTLA_TIER_NETWORK, ...credentials })?.store.put(
      'a/b',
      new Uint8Array(1),
    )
    expect(asked).toEqual(['http://127.0.0.1:9000/logs/a/b'])
  })

  it('is a bucket of R2, which on this machine is a simulation', () => {
    expect(tierOf({ OTTLA_TIER: bucket })?.store).toBeInstanceOf(R2Store)
    expect(tierOf({ OTTLA_TIER: bucket })?.isSynced).toBe(true)
    expect(tierOf({ OTTLA_TIER: bucket, OTTLA_LOCAL: '1' })?.isSynced).toBe(false)
  })

  it.each([
    ['a directory without the launcher', { OTTLA_CONFIG: { 'ottla.tier.dir': '/d' } }],
    ['two stores', { OTTLA_CONFIG: { ...s3, 'ottla.tier.dir': '/d' }, ...credentials }],
    ['no credentials', { OTTLA_CONFIG: s3 }],
    ['half of the credentials', { OTTLA_CONFIG: s3, AWS_ACCESS_KEY_ID: 'id' }],
    ['empty credentials', { OTTLA_CONFIG: s3, ...credentials, AWS_SECRET_ACCESS_KEY: '' }],
  ])('is refused, not guessed: %s', (_, env) => {
    expect(() => tierOf(env)).toThrow(TypeError)
  })
})
