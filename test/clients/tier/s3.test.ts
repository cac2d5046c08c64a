// The S3 store in workerd, with the launcher's configuration of it, against a real server.

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { noise, storeContract } from '../../tier/store-contract.ts'
import { hasTool, leftOut, needs } from '../tools.ts'
import {
  BUILD_MS,
  type Certificate,
  CREDENTIALS,
  type Missing,
  makeCertificate,
  type S3Server,
  s3Program,
  startS3,
} from './s3-server.ts'
import { type RunningStore, startStore } from './stores.ts'

let program: string | Missing
let server: S3Server
let running: RunningStore

function settings(change: Readonly<Record<string, string>> = {}) {
  return {
    'ottla.tier.s3.endpoint': server.endpoint,
    'ottla.tier.s3.bucket': server.bucket,
    'ottla.tier.s3.prefix': 'one/broker',
    ...change,
  }
}

beforeAll(async () => {
  program = await s3Program()
  if (typeof program !== 'string') return
  server = await startS3(program)
  running = await startStore(settings(), CREDENTIALS)
}, BUILD_MS)

beforeEach((context) => {
  if (typeof program !== 'string') leftOut(context, program.missing)
})

afterAll(async () => {
  await running?.stop()
  await server?.stop()
})

describe('the store on an S3 server', () => {
  storeContract(() => running.store, { nests: false })

  it('takes what was confirmed for durable', async () => {
    expect(await running.kind()).toEqual({ tier: 'S3Store', isSynced: true })
  })

  it('keeps everything below its prefix, which keys do not have', async () => {
    await running.store.put('below/1', noise(5))
    expect(existsSync(join(server.folder, 'one/broker/below/1'))).toBe(true)
    expect(await running.store.list('below/', null)).toEqual({
      objects: [{ key: 'below/1', bytes: 5 }],
      next: null,
    })
  })
})

/** One put, and what it and its workerd say. */
async function refusal(
  change: Readonly<Record<string, string>>,
  credentials: Readonly<Record<string, string>> = CREDENTIALS,
) {
  const other = await startStore(settings(change), credentials)
  try {
    const put = await other.store.put('refused/1', noise(1)).catch((error: unknown) => error)
    const get = await other.store.get('refused/1').catch((error: unknown) => error)
    return { put, get, printed: other.printed.join('\n') }
  } finally {
    await other.stop()
  }
}

describe('a server that does not let us', () => {
  it('is not asked again: the key is wrong', async () => {
    const wrong = { ...CREDENTIALS, AWS_SECRET_ACCESS_KEY: 'another one that is long' }
    const { put, get, printed } = await refusal({}, wrong)
    for (const error of [put, get]) {
      expect(error).toMatchObject({ name: 'ObjectStoreError', retriable: false })
      expect((error as Error).message).toMatch(/status 403, SignatureDoesNotMatch/)
      expect((error as Error).message).not.toContain(wrong.AWS_SECRET_ACCESS_KEY)
    }
    expect(printed).not.toContain(wrong.AWS_SECRET_ACCESS_KEY)
  })

  it('is not asked again: there is no such bucket, which says nothing of the object', async () => {
    const { put, get } = await refusal({ 'ottla.tier.s3.bucket': 'another-bucket' })
    for (const error of [put, get]) {
      expect(error).toMatchObject({ name: 'ObjectStoreError', retriable: false })
      expect((error as Error).message).toMatch(/NoSuchBucket/)
    }
  })

  it('is asked again: it is not there', async () => {
    const { put, get } = await refusal({ 'ottla.tier.s3.endpoint': 'http://127.0.0.1:9' })
    for (const error of [put, get]) {
      expect(error).toMatchObject({ name: 'ObjectStoreError', retriable: true })
    }
  })
})

describe('a server with a certificate', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ottla-tls-'))
  let secured: S3Server
  let files: Certificate

  beforeAll(async () => {
    if (typeof program !== 'string' || !hasTool('openssl')) return
    files = await makeCertificate(folder)
    secured = await startS3(program, files)
  })

  afterAll(async () => {
    await secured?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const put = async (env: Readonly<Record<string, string>>) => {
    const endpoint = { 'ottla.tier.s3.endpoint': secured.endpoint }
    const other = await startStore(settings(endpoint), { ...CREDENTIALS, ...env })
    try {
      return await other.store.put('secured/1', noise(100_000)).catch((error: unknown) => error)
    } finally {
      await other.stop()
    }
  }

  it('is spoken to when this machine trusts it', async (context) => {
    needs(context, 'openssl')
    expect(await put({ SSL_CERT_FILE: files.authority })).toBeUndefined()
    expect(existsSync(join(secured.folder, 'one/broker/secured/1'))).toBe(true)
  })

  it('is told nothing when nobody vouches for it', async (context) => {
    needs(context, 'openssl')
    expect(await put({})).toMatchObject({ name: 'ObjectStoreError', retriable: true })
  })
})
