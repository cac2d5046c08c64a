// The package as it is published, for who imports it: what publint and arethetypeswrong say of the tarball, its weight,
// its types under strict settings, and programs of an empty folder that only has the package, on every Node there is.

import { spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Broker, startBroker } from './broker.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
const GZIP_BYTES_MAX = 15_000
const folder = mkdtempSync(join(tmpdir(), 'ottla-sdk-package-'))
const installed = join(folder, 'node_modules/ottla')
let tarball = ''
let broker: Broker

/** This Node, and that of the machine where it is another one. */
const nodes = [process.execPath, '/usr/bin/node'].filter(
  (node, at, all) =>
    existsSync(node) && all.findIndex((other) => version(other) === version(node)) === at,
)

function version(node: string): string {
  return spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()
}

beforeAll(async () => {
  const flags = ['--json', '--ignore-scripts', '--pack-destination', folder]
  const packed = spawnSync('npm', ['pack', ...flags], { cwd: ROOT, encoding: 'utf8' })
  const [answer] = JSON.parse(packed.stdout) as { filename: string }[]
  tarball = join(folder, answer?.filename ?? '')
  mkdirSync(installed, { recursive: true })
  spawnSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components', '1'])
  // Its one dependency, as an installation would have it.
  for (const name of ['workerd', '@cloudflare', '@types', 'undici-types']) {
    const from = join(ROOT, 'node_modules', name)
    if (existsSync(from)) symlinkSync(from, join(folder, 'node_modules', name))
  }
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}')
  broker = await startBroker()
})

afterAll(async () => {
  await broker.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function emptyTopic(): Promise<void> {
  await fetch(`${broker.http}/v1/topics/programs`, { method: 'DELETE' })
  const body = JSON.stringify({ name: 'programs' })
  expect((await fetch(`${broker.http}/v1/topics`, { method: 'POST', body })).status).toBe(201)
}

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program of the folder until it ends by itself; null when it has not after `ms`. */
async function run(node: string, code: string, ms = 20_000): Promise<Ended | null> {
  const file = join(folder, `program-${Math.random().toString(36).slice(2)}.mjs`)
  writeFileSync(file, code)
  const child = spawn(node, [file], {
    cwd: folder,
    env: { ...process.env, OTTLA_URL: broker.http },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += chunk))
  child.stderr.on('data', (chunk) => (stderr += chunk))
  const late = new Promise<null>((done) => {
    setTimeout(() => done(null), ms).unref()
  })
  const ended = new Promise<Ended>((done) => {
    child.once('close', (code) => done({ code, stdout, stderr }))
  })
  const outcome = await Promise.race([ended, late])
  if (outcome === null) child.kill('SIGKILL')
  return outcome
}

describe('the tarball', () => {
  it('leaves publint nothing to say', async () => {
    const { messages } = await publint({ pkgDir: installed, strict: true, pack: false })
    expect(messages).toEqual([])
  })

  it('leaves arethetypeswrong nothing to say, for a package of ES modules', async () => {
    const data = new Uint8Array(readFileSync(tarball))
    const analysis = await checkPackage(createPackageFromTarballData(data))
    expect(analysis.types).not.toBe(false)
    const problems = 'problems' in analysis ? analysis.problems : []
    // require() of an ES module, and resolution without `exports`, are not offered.
    const ours = problems.filter((problem) => {
      const of = 'resolutionKind' in problem ? problem.resolutionKind : ''
      return of !== 'node10' && of !== 'node16-cjs'
    })
    expect(ours).toEqual([])
    const entries = 'entrypoints' in analysis ? Object.keys(analysis.entrypoints) : []
    expect(entries.sort()).toEqual(['.', './client', './package.json', './testing'])
  })

  it('has a client of at most 15 KB, compressed, that imports nothing', () => {
    const client = readFileSync(join(installed, 'dist/client/client.js'))
    expect(gzipSync(client, { level: 9 }).length).toBeLessThanOrEqual(GZIP_BYTES_MAX)
    expect(client.toString()).not.toMatch(
      /\bimport\s*["'{*]|\bfrom\s*["']|\bimport\(["']|\brequire\(/,
    )
  })

  it('serves the same module at /client.js, for pages that import it', async () => {
    const response = await fetch(`${broker.http}/client.js`)
    expect(response.headers.get('content-type')).toMatch(/^text\/javascript/)
    expect(await response.text()).toBe(
      readFileSync(join(installed, 'dist/client/client.js'), 'utf8'),
    )
  })
})

describe('the types', () => {
  const PROGRAM = `
    import { connect, bytes, OttlaError, SchemaError, text, type TailRecord, type Topic } from 'ottla'
    import { startBroker, type TestBroker } from 'ottla/testing'
    import type { StandardSchemaV1 } from 'ottla/client'

    declare const Order: StandardSchemaV1<{ id: number; at?: string }, { id: number; at: Date }>
    const ottla = connect('http://localhost:8080', { token: async () => 'secret' })
    const orders: Topic<{ id: number; at?: string }, { id: number; at: Date }> = ottla.topic('orders', { value: Order })
    const { partition, offset } = await orders.produce({ key: 'u1', value: { id: 1 } })
    const [first] = await orders.produce([{ value: { id: 1 } }])
    const where: number = partition + offset + (first?.offset ?? 0)
    // @ts-expect-error it is a number
    orders.produce({ value: { id: 'x' } })
    for await (const r of orders.tail({ from: new Date(), signal: AbortSignal.timeout(1) })) {
      const record: TailRecord<{ id: number; at: Date }> = r
      const position: string = record.position
      r.value.at.getTime()
      void [position, where]
    }
    for await (const r of ottla.topic('any').tail()) {
      // @ts-expect-error nobody knows what it is
      r.value.id
    }
    for await (const r of ottla.topic('raw', { value: bytes }).tail()) r.value?.byteLength
    for await (const r of ottla.group('g').consume(ottla.topic('t', { value: text }))) {
      r.value?.length
      // @ts-expect-error what is done is committed
      r.commit
    }
    for await (const r of ottla.group('g').consume(orders, { commit: 'manual' })) await r.commit()
    for await (const r of ottla.group('g').consume([orders, ottla.topic('x', { value: Order })])) r.value.at
    ottla.addEventListener('state', ({ state, error }) => {
      const known: 'connecting' | 'live' | 'waiting' | 'closed' = state
      void [known, error instanceof OttlaError && error.code, error instanceof SchemaError && error.issues]
    })
    await using broker: TestBroker = await startBroker({ topics: { orders: { partitions: 3 } } })
    const addresses: string = broker.kafka + broker.url
    await broker.reset()
    await broker.restart()
    void addresses
  `

  it.each([
    ['Node', ['es2023', 'esnext.disposable'], ['node'], 'nodenext'],
    [
      'a page with a bundler',
      ['es2023', 'esnext.disposable', 'dom', 'dom.asynciterable'],
      [],
      'bundler',
    ],
  ])('hold in %s, strictly, with the package’s own looked into', (name, lib, types, resolution) => {
    const file = join(folder, `types-${resolution}.mts`)
    const isNode = name === 'Node'
    // A page starts no brokers.
    const program = isNode
      ? PROGRAM
      : PROGRAM.split('await using')[0]?.replace(/.*ottla\/testing.*\n/, '')
    writeFileSync(file, program ?? '')
    const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022']
    const module = isNode ? 'nodenext' : 'esnext'
    const more = ['--lib', lib.join(','), '--module', module, '--moduleResolution', resolution]
    const only =
      types.length === 0 ? ['--types', ''] : ['--types', types.join(','), '--skipLibCheck']
    const { stdout } = spawnSync(process.execPath, [TSC, ...flags, ...more, ...only, file], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect(stdout).toBe('')
  })
})

describe.each(nodes.map((node) => [version(node), node]))('on Node %s', (_, node) => {
  const CONNECT = `
    import { connect } from 'ottla'
    const ottla = connect(process.env.OTTLA_URL)
    const topic = ottla.topic('programs')`

  it('a program that has produced, and left its loops, ends by itself', async () => {
    await emptyTopic()
    const ended = await run(
      node,
      `${CONNECT}
      for (let at = 0; at < 3; at++) await topic.produce({ value: at })
      let seen = 0
      for await (const { value } of topic.tail({ from: 'earliest' })) if (++seen === 3) break
      for await (const { value } of ottla.group('g' + Math.random()).consume(topic, { from: 'earliest' })) break
      await topic.produce({ value: 'last' })
      console.log(seen)`,
      15_000,
    )
    expect(ended).toEqual({ code: 0, stdout: '3\n', stderr: '' })
  })

  it('a program whose loop waits goes on waiting', async () => {
    await emptyTopic()
    const started = run(node, `${CONNECT}\nfor await (const r of topic.tail()) {}`, 3_000)
    expect(await started).toBeNull()
  })

  it('a program starts a broker, uses it and ends with it', async () => {
    const ended = await run(
      node,
      `import { startBroker } from 'ottla/testing'
      const broker = await startBroker({ topics: { orders: { partitions: 3 } } })
      console.log(await broker.client.topic('orders').produce({ value: 1, partition: 2 }).then(({ offset }) => offset))
      await broker.stop()`,
    )
    expect(ended).toEqual({ code: 0, stdout: '0\n', stderr: '' })
  })
})
