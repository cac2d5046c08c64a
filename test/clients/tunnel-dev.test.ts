// What somebody does who is about to deploy: `wrangler dev` with a secret, kcat through `ottla proxy`, and a browser's
// sign-in. Nothing here listens for TCP but the proxy. The whole matrix: `npm run test:clients -- --broker proxy`.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { bootstrap } from './broker.ts'
import { ottla, type RunningProxy, startProxy } from './ottla.ts'
import { needs, run } from './tools.ts'
import { startWranglerDev, type WranglerDev } from './wrangler-dev.ts'

const SECRET = 'the-secret-under-wrangler'
const env = { OTTLA_SECRET: SECRET }

let worker: WranglerDev
let proxy: RunningProxy

beforeAll(async () => {
  worker = await startWranglerDev(env)
  proxy = await startProxy(worker.http, { env })
}, 120_000)
afterAll(async () => {
  await proxy?.stop()
  await worker?.stop()
})

it('kcat produces and consumes through the proxy', async (context) => {
  needs(context, 'kcat')
  const made = await ottla(['topics', 'create', 'dev', '--partitions', '2'], {
    env: { ...env, OTTLA_URL: worker.http },
  })
  expect(made).toMatchObject({ code: 0, stdout: 'dev\n' })
  const listed = (await run('kcat', ['-b', bootstrap(proxy.kafka), '-L'])).toString()
  expect(listed).toContain(`broker 1 at ${bootstrap(proxy.kafka)}`)
  const lines = Array.from({ length: 200 }, (_, at) => `line ${at}`)
  const at = ['-b', bootstrap(proxy.kafka), '-t', 'dev']
  await run('kcat', [...at, '-P'], `${lines.join('\n')}\n`)
  const read = (await run('kcat', [...at, '-C', '-e', '-q', '-o', 'beginning'])).toString()
  expect(read.trim().split('\n').toSorted()).toEqual(lines.toSorted())
})

it('a browser signs in, and is then who it says', async () => {
  const page = await fetch(worker.http, { headers: { accept: 'text/html' } })
  expect(page.status).toBe(401)
  expect(await page.text()).toContain('action="/sign-in"')
  const signed = await fetch(`${worker.http}/sign-in`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ secret: SECRET, next: '/' }),
  })
  expect(signed.status).toBe(303)
  const cookie = (signed.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  const topics = await fetch(`${worker.http}/v1/topics`, { headers: { cookie } })
  expect(topics.status).toBe(200)
  const files = await fetch(worker.http, { headers: { cookie, accept: 'text/html' } })
  expect(files.status).toBe(200)
  expect(await files.text()).toContain('<title>')
})
