import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { openTierDirectory, planTier, removeLeftovers } from '../../src/cli/tier.ts'
import { TIER_CALL_MS } from '../../src/core/limits/tier.ts'

const S3 = { 'ottla.tier.s3.endpoint': 'http://127.0.0.1:9000', 'ottla.tier.s3.bucket': 'logs' }
const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }

const root = mkdtempSync(join(tmpdir(), 'ottla-tier-'))
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(root, 'one-'))
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

describe('the plan of a tier', () => {
  it('makes the path of a directory absolute: the launcher changes its folder', () => {
    expect(planTier({ 'ottla.tier.dir': 'a/b', x: 'y' }, {})).toEqual({
      kind: 'plan',
      tier: { kind: 'directory', path: resolve('a/b') },
      config: { 'ottla.tier.dir': resolve('a/b'), x: 'y' },
    })
  })

  it('hands on the names of the credentials, not what they are', () => {
    const plan = planTier(S3, { ...CREDENTIALS, AWS_SESSION_TOKEN: '' })
    expect(plan).toEqual({
      kind: 'plan',
      tier: { kind: 's3', isTls: false, credentials: Object.keys(CREDENTIALS) },
      config: S3,
    })
    const temporary = planTier(
      { ...S3, 'ottla.tier.s3.endpoint': 'https://s3.example.com' },
      { ...CREDENTIALS, AWS_SESSION_TOKEN: 'token' },
    )
    const names = [...Object.keys(CREDENTIALS), 'AWS_SESSION_TOKEN']
    expect(temporary).toMatchObject({ tier: { isTls: true, credentials: names } })
  })

  it.each([
    [
      { ...S3, 'ottla.tier.dir': 'a' },
      CREDENTIALS,
      '--set: ottla.tier.dir and ottla.tier.s3.endpoint exclude each other',
    ],
    [
      S3,
      {},
      'ottla.tier.s3.endpoint needs credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set',
    ],
    [
      S3,
      { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: '' },
      'ottla.tier.s3.endpoint needs credentials: AWS_SECRET_ACCESS_KEY is not set',
    ],
    [
      { 'remote.log.storage.system.enable': 'true' },
      CREDENTIALS,
      '--set: remote.log.storage.system.enable needs ottla.tier.dir or ottla.tier.s3.endpoint',
    ],
  ])('is refused: %j', (config, env, reason) => {
    expect(planTier(config as Record<string, string>, env)).toEqual({ kind: 'refused', reason })
  })
})

describe('the directory of a tier', () => {
  it('is made, and nothing is left in it', () => {
    const path = join(folder, 'a/b')
    expect(openTierDirectory(path, root)).toContain('must lie apart')
    const data = join(folder, 'data')
    mkdirSync(data)
    expect(openTierDirectory(path, data)).toBeNull()
    expect(readdirSync(path)).toEqual([])
  })

  it('and the data folder lie apart, whatever leads to them', () => {
    const data = join(folder, 'data')
    mkdirSync(join(data, 'objects'), { recursive: true })
    symlinkSync(data, join(folder, 'link'))
    for (const path of [data, join(data, 'tier'), join(data, 'objects'), folder]) {
      expect(openTierDirectory(path, data), path).toContain('must lie apart')
    }
    expect(openTierDirectory(join(folder, 'link/tier'), data)).toContain('must lie apart')
    expect(openTierDirectory(`${data}-tier`, data)).toBeNull()
    expect(openTierDirectory(join(folder, '..tier'), data)).toBeNull()
  })

  it('can be made and written, or it is refused', () => {
    const data = join(folder, 'data')
    mkdirSync(data)
    writeFileSync(join(folder, 'file'), '')
    const inFile = join(folder, 'file/tier')
    expect(openTierDirectory(inFile, data)).toBe(
      `ottla.tier.dir ${inFile} is not writable: ENOTDIR`,
    )
    expect(openTierDirectory('/proc/tier', data)).toMatch(/^ottla.tier.dir \/proc\/tier is not /)
  })
})

describe('what a killed workerd has left', () => {
  const now = Date.now()

  function file(path: string, ageMs: number): string {
    const whole = join(folder, path)
    mkdirSync(join(whole, '..'), { recursive: true })
    writeFileSync(whole, 'x')
    utimesSync(whole, new Date(now - ageMs), new Date(now - ageMs))
    return whole
  }

  it('is removed when it is old enough, with folders that hold nothing', async () => {
    const old = 3 * TIER_CALL_MS
    const gone = file('t/0/.1-a.object.123.0.tmp', old)
    const kept = [
      file('t/1/.1-a.object.123.1.tmp', TIER_CALL_MS),
      file('t/2/1-a.object', old),
      file('u/0/readme.tmp', old),
      file('u/0/.hidden', old),
    ]
    mkdirSync(join(folder, 'empty/0'), { recursive: true })
    await removeLeftovers(folder, now)
    expect(existsSync(gone)).toBe(false)
    for (const path of kept) expect(existsSync(path), path).toBe(true)
    expect(readdirSync(folder).sort()).toEqual(['t', 'u'])
    expect(readdirSync(join(folder, 't')).sort()).toEqual(['1', '2'])
  })

  it('is no reason to fail', async () => {
    await expect(removeLeftovers(join(folder, 'absent'), now)).resolves.toBeUndefined()
  })
})
