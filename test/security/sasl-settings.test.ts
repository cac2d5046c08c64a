import { describe, expect, it } from 'vitest'
import { isOauthConfigured, oauthSettings, saslSettings } from '../../src/security/sasl-settings.ts'

describe('how one logs in', () => {
  it('is by every mechanism that there is something to check by', () => {
    const passwords = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']
    expect(saslSettings({}, false)).toEqual({
      mechanisms: passwords,
      maxReauthMs: 0,
      failureDelayMs: 100,
      requestMaxBytes: 65_536,
    })
    expect(saslSettings({}, true).mechanisms).toEqual([...passwords, 'OAUTHBEARER'])
  })

  it('is by those that are enabled', () => {
    const config = { 'sasl.enabled.mechanisms': 'OAUTHBEARER,SCRAM-SHA-512' }
    expect(saslSettings(config, true).mechanisms).toEqual(['SCRAM-SHA-512', 'OAUTHBEARER'])
    expect(saslSettings(config, false).mechanisms).toEqual(['SCRAM-SHA-512'])
  })

  it('has the times of the configuration', () => {
    const config = {
      'connections.max.reauth.ms': '60000',
      'connection.failed.authentication.delay.ms': '5',
    }
    expect(saslSettings(config, false)).toMatchObject({ maxReauthMs: 60_000, failureDelayMs: 5 })
  })
})

describe('the tokens that are taken', () => {
  it('are none without keys', () => {
    expect(isOauthConfigured({ config: {}, oauthKeys: null })).toBe(false)
    expect(oauthSettings({ config: {}, oauthKeys: null, reservedUsers: ['admin'] })).toBeNull()
  })

  it("are those of the configuration, by Kafka's names", () => {
    const config = {
      'sasl.oauthbearer.jwks.endpoint.url': 'https://issuer.example/jwks',
      'sasl.oauthbearer.expected.audience': 'a, b',
      'sasl.oauthbearer.expected.issuer': 'https://issuer.example',
      'sasl.oauthbearer.clock.skew.seconds': '5',
      'sasl.oauthbearer.sub.claim.name': 'name',
      'sasl.oauthbearer.scope.claim.name': 'scp',
      'ottla.oauth.required.scope': 'kafka',
    }
    expect(isOauthConfigured({ config, oauthKeys: null })).toBe(true)
    expect(oauthSettings({ config, oauthKeys: null, reservedUsers: ['admin'] })).toEqual({
      jwt: {
        issuer: 'https://issuer.example',
        audiences: ['a', 'b'],
        clockSkewSeconds: 5,
        subjectClaim: 'name',
        scopeClaim: 'scp',
        requiredScopes: ['kafka'],
        reservedUsers: ['admin'],
      },
      keys: { kind: 'read', url: 'https://issuer.example/jwks', refreshMs: 3_600_000 },
    })
  })

  it('are of given keys where there are any', () => {
    const oauthKeys = { keys: [{ kty: 'EC' }] }
    expect(oauthSettings({ config: {}, oauthKeys, reservedUsers: [] })).toMatchObject({
      jwt: { issuer: null, audiences: [], clockSkewSeconds: 30, reservedUsers: [] },
      keys: { kind: 'given', set: oauthKeys },
    })
  })
})
