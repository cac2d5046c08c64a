// The bundle as it ships, in each runtime that is to serve it: bare workerd, miniflare, `wrangler dev`,
// and what `wrangler deploy` would upload. Test runners allow what production does not (eval, compiling
// WASM), so none of these is one.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { afterAll, describe, expect, it } from 'vitest'
import { ApiVersions } from '../../src/protocol/messages/api-versions.ts'
import { startBroker } from './broker.ts'
import { Wire } from './wire.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const WRANGLER = join(ROOT, 'node_modules/wrangler/bin/wrangler.js')
const TOML = readFileSync(join(ROOT, 'wrangler.toml'), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'ottla-smoke-'))
const UPLOADED = join(folder, 'uploaded')

/** Without these wrangler looks for updates, for the edge's data, and for somebody to tell. */
const OFFLINE = {
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_LOG_PATH: join(folder, 'logs'),
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  CI: '1',
}

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the bundle', () => {
  it('serves both faces in bare workerd', async () => {
    const broker = await startBroker()
    try {
      await answersKafka(broker.kafka.port)
      await answersHttp(broker.http)
      await answersFiles(broker.http)
    } finally {
      await broker.stop()
    }
  })

  it('serves both faces in miniflare', () => serveInMiniflare(join(ROOT, 'dist/worker')))

  it('is closed where nothing says that it is local', async () => {
    const worker = miniflare(join(ROOT, 'dist/worker'), {})
    try {
      expect((await fetch(await worker.ready)).status).toBe(503)
    } finally {
      await worker.dispose()
    }
  })
})

describe('wrangler', () => {
  it('deploy --dry-run bundles the same Worker, which serves both faces', async () => {
    const done = wrangler(
      ['deploy', '--dry-run', '--outdir', UPLOADED],
      join(ROOT, 'wrangler.toml'),
    )
    expect(await exitCode(done)).toBe(0)
    const bytes = readdirSync(UPLOADED)
      .filter((name) => /\.(js|wasm)$/.test(name))
      .map((name) => statSync(join(UPLOADED, name)).size)
    // The limit of a Worker's size is 3 MB compressed; we stay below it uncompressed.
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(3_000_000)
    await serveInMiniflare(UPLOADED)
  })

  it('dev serves both faces', async () => {
    const [port, kafkaPort] = await freePorts()
    // [[connect]] is not in wrangler.toml, because the test plugin would open that port too.
    const config = join(folder, 'wrangler.toml')
    const here = TOML.replace('"src/index.ts"', JSON.stringify(join(ROOT, 'src/index.ts'))).replace(
      '"dist/web"',
      JSON.stringify(join(ROOT, 'dist/web')),
    )
    writeFileSync(config, `${here}\n[[connect]]\nprotocol = "tcp"\nport = ${kafkaPort}\n`)
    const flags = ['--port', String(port), '--var', 'OTTLA_LOCAL:1', '--persist-to', folder]
    const dev = wrangler(['dev', '--ip', '127.0.0.1', '--inspector-port', '0', ...flags], config)
    try {
      await said(dev, /Ready on/)
      await answersKafka(kafkaPort)
      await answersHttp(`http://127.0.0.1:${port}`)
      await answersFiles(`http://127.0.0.1:${port}`)
    } finally {
      dev.kill('SIGINT')
      await exitCode(dev)
    }
  })
})

async function answersKafka(port: number): Promise<void> {
  const wire = await Wire.open({ host: '127.0.0.1', port })
  const { errorCode, apiKeys } = await wire.call(ApiVersions, 3, {
    clientSoftwareName: 'smoke',
    clientSoftwareVersion: '1',
  })
  wire.close()
  expect(errorCode).toBe(0)
  expect(apiKeys.map(({ apiKey }) => apiKey)).toContain(ApiVersions.key)
}

/** A topic, a record compressed by the WASM module, and the record read back. */
async function answersHttp(origin: string): Promise<void> {
  const topic = `${origin}/v1/topics/smoke`
  expect((await post(`${origin}/v1/topics`, { name: 'smoke' })).status).toBe(201)
  expect((await post(`${topic}/records`, { key: 'a', value: 'b'.repeat(1_000) })).status).toBe(200)
  const read = await fetch(`${topic}/partitions/0/records?offset=0`)
  const { records } = (await read.json()) as { records: { value: string }[] }
  expect(records.map(({ value }) => value.length)).toEqual([1_000])
}

/** The page of web/, and a problem where there is no file, which a folder is not. */
async function answersFiles(origin: string): Promise<void> {
  const page = await fetch(`${origin}/`)
  expect(page.headers.get('content-type')).toContain('text/html')
  expect(await page.text()).toContain('<title>Ottla</title>')
  for (const path of ['/nowhere', '/nowhere.html', '/%2e%2e/package.json', '/..%2findex.html']) {
    const missing = await fetch(`${origin}${path}`)
    expect([path, missing.status]).toEqual([path, 404])
    expect(missing.headers.get('content-type')).toContain('application/problem+json')
  }
  const write = await fetch(`${origin}/`, { method: 'POST' })
  expect(write.status).toBe(404)
}

function post(url: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
}

async function serveInMiniflare(dir: string): Promise<void> {
  const worker = miniflare(dir, { OTTLA_LOCAL: '1' })
  try {
    const url = await worker.ready
    const socket = await worker.dispatchConnect()
    const port = socket.remotePort!
    socket.destroy()
    await answersKafka(port)
    await answersHttp(url.origin)
  } finally {
    await worker.dispose()
  }
}

function miniflare(dir: string, bindings: Record<string, string>): Miniflare {
  const names = readdirSync(dir).filter((name) => /\.(js|wasm)$/.test(name))
  const options = convertV4MiniflareOptions({
    rootPath: dir,
    host: '127.0.0.1',
    port: 0,
    cf: false,
    modules: names.sort(entryFirst).map((name) => ({
      type: name.endsWith('.wasm') ? ('CompiledWasm' as const) : ('ESModule' as const),
      path: name,
    })),
    compatibilityDate: /compatibility_date = "(.*)"/.exec(TOML)?.[1] ?? '',
    bindings,
    connectHandlers: [{ protocol: 'tcp', port: 0 }],
    durableObjects: {
      PARTITION: { className: 'Partition', useSQLite: true },
      CLUSTER: { className: 'Cluster', useSQLite: true },
      WATCH: { className: 'Watch', useSQLite: true },
      STATISTICS: { className: 'Statistics', useSQLite: true },
    },
  })
  return new Miniflare({ ...options, resourcePersistencePath: mkdtempSync(join(folder, 'mf-')) })
}

function entryFirst(a: string, b: string): number {
  return Number(b === 'index.js') - Number(a === 'index.js')
}

function wrangler(args: readonly string[], config: string): ChildProcess {
  return spawn(process.execPath, [WRANGLER, ...args, '--config', config], {
    cwd: ROOT,
    env: { ...process.env, ...OFFLINE },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode)
  child.stdout?.resume()
  child.stderr?.resume()
  return new Promise((done) => child.once('exit', done))
}

function said(child: ChildProcess, pattern: RegExp): Promise<void> {
  let text = ''
  return new Promise((done, failed) => {
    const look = (chunk: Buffer) => {
      text += chunk
      if (pattern.test(text)) done()
    }
    child.stdout?.on('data', look)
    child.stderr?.on('data', look)
    child.once('exit', (code) => failed(new Error(`wrangler ended with ${code}: ${text}`)))
  })
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer().listen(0, '127.0.0.1'), createServer().listen(0, '127.0.0.1')]
  await Promise.all(servers.map((server) => new Promise((done) => server.once('listening', done))))
  const [first, second] = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return [first!, second!]
}
