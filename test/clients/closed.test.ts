// Closed by default, end to end: off loopback only when told, foreign hosts and origins refused.
// The details are test/http's and test/cli's.

import { spawn } from 'node:child_process'
import { request } from 'node:http'
import { resolve } from 'node:path'
import { expect } from 'vitest'
import { suite } from './target.ts'

const shared = suite('closed')
const { scenario } = shared

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

function ask(
  path: string,
  headers: Readonly<Record<string, string>>,
  method = 'GET',
): Promise<Answer> {
  return new Promise((done, failed) => {
    const sent = request(`${shared.target.http}${path}`, { method, headers }, (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () =>
        done({ status: response.statusCode ?? 0, headers: response.headers, body }),
      )
    })
    sent.once('error', failed)
    sent.end()
  })
}

scenario('a foreign Host is refused with problem+json', async () => {
  const got = await ask('/v1/topics', { host: 'evil.example' })
  expect(got.status).toBeGreaterThanOrEqual(400)
  expect(got.status).toBeLessThan(500)
  expect(got.headers['content-type']).toContain('application/problem+json')
  expect((await ask('/v1/topics', {})).status).toBe(200)
})

scenario('a foreign Origin may not write', async () => {
  const headers = { origin: 'https://evil.example', 'content-type': 'application/json' }
  const got = await ask('/v1/topics/t/records', headers, 'POST')
  expect(got.status).toBe(403)
  expect(got.headers['access-control-allow-origin']).toBeUndefined()
})

scenario('a loopback origin may read and write', async () => {
  const got = await ask('/v1/topics', { origin: 'http://localhost:3000' })
  expect(got.status).toBe(200)
  expect(got.headers['access-control-allow-origin']).toBe('http://localhost:3000')
})

scenario('a listener off loopback needs --allow-anonymous', async () => {
  const launcher = resolve(import.meta.dirname, '../../dist/ottla.js')
  const args = [
    'start',
    '--host',
    '0.0.0.0',
    '--kafka-port',
    '0',
    '--http-port',
    '0',
    '--ephemeral',
  ]
  const child = spawn(process.execPath, [launcher, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let errors = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  const code = await new Promise((done) => child.once('close', done))
  expect(code).not.toBe(0)
  expect(out).toBe('')
  expect(errors.trim().split('\n')).toHaveLength(1)
  expect(errors).toContain('--allow-anonymous')
})
