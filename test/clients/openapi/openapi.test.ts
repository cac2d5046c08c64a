// The OpenAPI document as others read it: openapi-spec-validator says whether it is one of version 3.1, and
// schemathesis sends every route requests that the document allows, and others that it does not, and looks at the
// answers with all its checks but three. Both are Python packages, installed when OTTLA_CASES says how many requests a route
// is to get, or nothing may be left out (OTTLA_REQUIRE_TOOLS=1); without Python 3 or its registry this is not run.

import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest'
import { type Broker, startBroker } from '../broker.ts'
import { environment, NoPackages } from '../matrix/python/prepare.ts'
import { hasTool, leftOut } from '../tools.ts'

const { OTTLA_CASES, OTTLA_REQUIRE_TOOLS } = process.env
const CASES = Number(OTTLA_CASES ?? 20)
const SEED = Number(process.env.OTTLA_SEED ?? Math.floor(Math.random() * 2 ** 31))
const PREPARED_WITHIN_MS = 300_000
/** Of all routes and phases. */
const RUN_WITHIN_MS = 300_000 + CASES * 12_000

/** They do not end by themselves, or are no HTTP: tests of their own follow them. */
const ENDLESS = '/events$|^/kafka$|^/v1/live$'
/** Longer addresses do not reach the Worker: the runtime answers them, with 414 and no problem document. */
const HOOKS = `from urllib.parse import urlencode

import schemathesis


@schemathesis.hook
def filter_query(context, query):
    return query is None or len(urlencode(query, doseq=True)) < 60_000
`
/** On a broker that asks nobody they answer that there is nothing of the kind. */
const OF_SECURITY = '^/v1/(users|acls|quotas|tokens|me)'
const SECRET = 'correct-horse-battery-staple'
/**
 * Left out: `positive_data_acceptance`, because JSON Schema can say of each parameter what it may be, and not which exclude
 * each other (offset and timestamp), nor which names of configurations there are, so that some requests that the document
 * allows are rightly refused; `ensure_resource_availability`, because what was created is then asked for by names that
 * schemathesis guesses, such as a topic's id for its name.
 * And `use_after_free`: who is deleted `?mechanism=…` alone is still there if they can log in by another.
 */
const NOT_CHECKED = 'positive_data_acceptance,ensure_resource_availability,use_after_free'
/** A topic of a thousand partitions is asked for all of them by some routes. */
const ANSWERED_WITHIN_S = 60

let broker: Broker
let folder: string
/** Where the packages' programs are; why not, where they are not. */
let programs: string | NoPackages = new NoPackages('Python 3, or OTTLA_CASES')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ottla-openapi-'))
  await writeFile(join(folder, 'hooks.py'), HOOKS)
  broker = await startBroker()
  const isWanted = OTTLA_CASES !== undefined || OTTLA_REQUIRE_TOOLS === '1'
  if (!isWanted || !hasTool('python3')) return
  programs = await environment(
    join(import.meta.dirname, '.build'),
    join(import.meta.dirname, 'requirements.txt'),
  ).catch((error: unknown) => {
    if (error instanceof NoPackages) return error
    throw error
  })
}, PREPARED_WITHIN_MS)

afterAll(async () => {
  await broker.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Runs a program of the packages to its end, whatever that is. */
async function ran(context: TestContext, name: string, args: readonly string[]) {
  if (typeof programs !== 'string') leftOut(context, `${name} (${programs.message})`)
  const child = spawn(join(programs, name), args, {
    cwd: folder,
    env: { ...process.env, PYTHONPATH: folder, SCHEMATHESIS_HOOKS: 'hooks' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  context.onTestFinished(() => void child.kill())
  const printed: Buffer[] = []
  child.stdout.on('data', (bytes: Buffer) => printed.push(bytes))
  child.stderr.on('data', (bytes: Buffer) => printed.push(bytes))
  const code = await new Promise<number | null>((done, failed) => {
    child.once('error', failed)
    child.once('close', done)
  })
  return { code, printed: Buffer.concat(printed).toString() }
}

const post = (path: string, body: unknown) =>
  fetch(`${broker.http}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

test('the document is one of OpenAPI 3.1', async (context) => {
  const file = join(folder, 'openapi.json')
  await writeFile(file, await (await fetch(`${broker.http}/openapi.json`)).text())
  const { code, printed } = await ran(context, 'openapi-spec-validator', ['--schema', '3.1', file])
  expect(printed).toContain('OK')
  expect(code).toBe(0)
})

/** Has schemathesis send requests to a broker's routes, and expects that it finds nothing. */
async function goThrough(
  context: TestContext,
  { http, log }: Broker,
  more: readonly string[],
): Promise<void> {
  const { code, printed } = await ran(context, 'st', [
    ...['run', `${http}/openapi.json`, '--no-color', '--continue-on-failure'],
    ...['--max-examples', String(CASES), '--seed', String(SEED), '--request-timeout', '70'],
    ...['--checks', 'all', '--exclude-checks', NOT_CHECKED],
    ...['--max-response-time', String(ANSWERED_WITHIN_S), ...more],
  ])
  expect(code, printed).toBe(0)
  expect(log.filter((line) => line.includes('request failed'))).toEqual([])
}

test(
  'every route answers what the document says, whatever it is sent, and never that it failed',
  async (context) => {
    await post('/v1/topics', { name: 'orders', partitions: 3 })
    const records = [0, 1, 2].map((partition) => ({ partition, key: 'k', value: { partition } }))
    await post('/v1/topics/orders/records', { records })
    await post('/v1/groups/billing/reset', { to: 'latest', topic: 'orders' })
    await goThrough(context, broker, ['--exclude-path-regex', ENDLESS])
    expect((await fetch(`${broker.http}/readyz`)).status).toBe(200)
  },
  RUN_WITHIN_MS,
)

test(
  'so do those of users, rules, quotas and tokens on a broker that has them',
  async (context) => {
    if (typeof programs !== 'string') leftOut(context, `st (${programs.message})`)
    const secured = await startBroker({ env: { OTTLA_SECRET: SECRET } })
    context.onTestFinished(secured.stop)
    const headers = ['--header', `Authorization: Bearer ${SECRET}`]
    await goThrough(context, secured, [...headers, '--include-path-regex', OF_SECURITY])
    const { status } = await fetch(`${secured.http}/v1/me`)
    expect(status, 'who says nothing is not let in').toBe(401)
  },
  RUN_WITHIN_MS,
)
