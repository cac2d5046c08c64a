import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { IssuerKeys, KeysUnavailable, parseKeySet } from '../../src/broker/issuer-keys.ts'
import {
  JWKS_AGAIN_MS,
  JWKS_BYTES,
  JWKS_FIRST_AGAIN_MS,
  JWKS_KEYS,
} from '../../src/core/limits/authentication.ts'
import { oauthSettings } from '../../src/security/sasl-settings.ts'

const URL_OF_KEYS = 'https://issuer.example/jwks'
const NOW = 1_800_000_000_000
const REFRESH_MS = 60_000

async function pair(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const token = await new SignJWT({ sub: 'alice', iat: NOW / 1000, exp: NOW / 1000 + 3600 })
    .setProtectedHeader({ alg: 'ES256', kid })
    .sign(privateKey)
  return { key: { ...(await exportJWK(publicKey)), kid, alg: 'ES256' }, token }
}

const old = await pair('old')
const next = await pair('next')
const setOf =
  (...keys: object[]) =>
  () =>
    Response.json({ keys })

/** An issuer who answers as the test says, and the keys as one isolate has them. */
function issuer() {
  const config = {
    'sasl.oauthbearer.jwks.endpoint.url': URL_OF_KEYS,
    'sasl.oauthbearer.jwks.endpoint.refresh.ms': String(REFRESH_MS),
  }
  const keys = new IssuerKeys(oauthSettings({ config, oauthKeys: null, reservedUsers: [] })!)
  const asked: { url: string; redirect: RequestInit['redirect'] }[] = []
  const world = {
    answer: setOf(old.key) as () => Response | Promise<Response>,
    asked,
    check: (token: string, nowMs = NOW) => {
      let clockMs = nowMs
      return keys.check(token, {
        fetch: async (url, { redirect }) => {
          asked.push({ url, redirect })
          return world.answer()
        },
        now: () => clockMs,
        // Time passes for who waits.
        sleep: async (ms) => {
          clockMs += ms
          await new Promise((resolve) => setTimeout(resolve))
        },
      })
    },
  }
  return world
}

describe("the issuer's keys", () => {
  it('are read with the first token and kept', async () => {
    const one = issuer()
    expect(await one.check(old.token)).toMatchObject({ principal: 'User:alice' })
    expect(await one.check(old.token, NOW + REFRESH_MS - 1)).toMatchObject({ kind: 'verified' })
    expect(one.asked).toEqual([{ url: URL_OF_KEYS, redirect: 'manual' }])
    await one.check(old.token, NOW + REFRESH_MS)
    expect(one.asked).toHaveLength(2)
  })

  it('are read again for a key that is not known, and not more often than that', async () => {
    const one = issuer()
    await one.check(old.token)
    one.answer = setOf(old.key, next.key)
    expect(await one.check(next.token, NOW + JWKS_AGAIN_MS - 1)).toMatchObject({ kind: 'refused' })
    expect(one.asked).toHaveLength(1)
    expect(await one.check(next.token, NOW + JWKS_AGAIN_MS)).toMatchObject({ kind: 'verified' })
    const stranger = (await pair('stranger')).token
    for (let at = 0; at < 5; at++) await one.check(stranger, NOW + 2 * JWKS_AGAIN_MS + at)
    expect(one.asked).toHaveLength(3)
  })

  it('stay good while the issuer does not answer', async () => {
    const one = issuer()
    await one.check(old.token)
    for (const answer of [
      () => new Response('no', { status: 500 }),
      () => Response.redirect('https://evil.example/jwks'),
      () => new Response('{"keys":'),
      () => new Response(JSON.stringify({ keys: [], more: 'x'.repeat(JWKS_BYTES) })),
      () => Promise.reject(new Error('gone')),
    ]) {
      one.answer = answer
      expect(await one.check(old.token, NOW + REFRESH_MS + JWKS_AGAIN_MS)).toMatchObject({
        kind: 'verified',
      })
    }
  })

  it('that cannot be read at all judge nobody, and are asked for now and then', async () => {
    const one = issuer()
    one.answer = () => new Response(null, { status: 404 })
    await expect(one.check(old.token)).rejects.toThrow(KeysUnavailable)
    await expect(one.check(old.token, NOW + 1)).rejects.toThrow(KeysUnavailable)
    expect(one.asked).toHaveLength(1)
    one.answer = setOf(old.key)
    expect(await one.check(old.token, NOW + JWKS_AGAIN_MS)).toMatchObject({ kind: 'verified' })
  })

  it('are waited for by all who come while they are first read', async () => {
    const one = issuer()
    one.answer = async () => {
      await new Promise((resolve) => setTimeout(resolve, 30))
      return setOf(old.key)()
    }
    const checks = Array.from({ length: 5 }, () => one.check(old.token))
    expect(await Promise.all(checks)).toMatchObject(checks.map(() => ({ kind: 'verified' })))
    expect(one.asked).toHaveLength(1)
  })

  it('are read by another where the request that read them was ended', async () => {
    const one = issuer()
    one.answer = () => new Promise(() => {})
    void one.check(old.token)
    await new Promise((resolve) => setTimeout(resolve))
    one.answer = setOf(old.key)
    expect(await one.check(old.token, NOW + 1)).toMatchObject({ kind: 'verified' })
    expect(one.asked).toHaveLength(2)
  })

  it('that could not be read at first are tried again soon, for nobody gets in without them', async () => {
    const one = issuer()
    one.answer = () => new Response(null, { status: 500 })
    await expect(one.check(old.token)).rejects.toThrow(KeysUnavailable)
    one.answer = setOf(old.key)
    const soon = await one.check(old.token, NOW + JWKS_FIRST_AGAIN_MS)
    expect(soon).toMatchObject({ kind: 'verified' })
    expect(JWKS_FIRST_AGAIN_MS).toBeLessThan(JWKS_AGAIN_MS / 5)
  })

  it('that were given are asked of nobody', async () => {
    const oauthKeys = { keys: [old.key] }
    const keys = new IssuerKeys(oauthSettings({ config: {}, oauthKeys, reservedUsers: [] })!)
    const nobody = () => Promise.reject(new Error('asked'))
    const reach = { fetch: nobody, now: () => NOW, sleep: nobody }
    expect(await keys.check(old.token, reach)).toMatchObject({ kind: 'verified' })
    expect(await keys.check(next.token, reach)).toMatchObject({ kind: 'refused' })
  })

  it('are a set of objects, and not too many', () => {
    expect(parseKeySet('{"keys":[{"kty":"EC"}]}')).toEqual({ keys: [{ kty: 'EC' }] })
    const many = JSON.stringify({ keys: Array.from({ length: JWKS_KEYS + 1 }, () => ({})) })
    for (const text of [
      '',
      '[]',
      'null',
      '{}',
      '{"keys":{}}',
      '{"keys":[1]}',
      '{"keys":[[]]}',
      many,
    ]) {
      expect(parseKeySet(text), text.slice(0, 20)).toBeNull()
    }
  })
})
