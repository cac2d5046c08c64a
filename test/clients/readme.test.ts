// Every code block of the README, as a reader would use it, against a broker: programs are checked by strict settings
// and run, the page is opened in Chromium, shell commands are run by bash, and of what only a whole checkout or an account
// can run (npm and npx) the names are checked.

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
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Broker, bootstrap, startBroker } from './broker.ts'
import { absent, needs } from './tools.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const CHROMIUM = '/usr/bin/chromium'
const bin = (name: string) => join(ROOT, 'node_modules', name)

interface Block {
  readonly language: string
  readonly code: string
  readonly line: number
  /** The heading above it. */
  readonly section: string
}

/** Their commands are run against a broker that has the secret and the virtual clusters which stand in them. */
const SECURED = ['Securing a broker', 'Virtual clusters']

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
const blocks = blocksOf(readme)
const [, secret = ''] = /^OTTLA_SECRET=(\S+) npm start$/m.exec(readme) ?? []
const [, tenants = ''] = /^OTTLA_SECRET=.* --set ottla\.tenants=(\S+)$/m.exec(readme) ?? []
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}

let folder: string
let broker: Broker
let secured: Broker | undefined

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ottla-readme-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(ROOT, join(folder, 'node_modules/ottla'))
  for (const name of ['@types', 'zod', 'vitest', 'undici-types']) {
    if (existsSync(bin(name))) symlinkSync(bin(name), join(folder, 'node_modules', name))
  }
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}')
  // As npm links it where the package is installed.
  mkdirSync(join(folder, 'bin'))
  const script = `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'dist/ottla.js')}' "$@"\n`
  writeFileSync(join(folder, 'bin/ottla'), script, { mode: 0o755 })
  broker = await startBroker()
  // What kcat makes in the tour, for who has none.
  await create({ name: 'greetings' })
})

afterAll(async () => {
  await Promise.all([broker.stop(), secured?.stop()])
  rmSync(folder, { recursive: true, force: true })
})

async function create(topic: object, { http } = broker): Promise<void> {
  const answer = await fetch(`${http}/v1/topics`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}` },
    body: JSON.stringify(topic),
  })
  expect([201, 409]).toContain(answer.status)
}

/** The broker that a block speaks to. */
async function brokerOf({ section }: Block): Promise<Broker> {
  if (!SECURED.includes(section)) return broker
  if (secured !== undefined) return secured
  const args = ['--set', `ottla.tenants=${tenants}`]
  secured = await startBroker({ env: { OTTLA_SECRET: secret }, args })
  await create({ name: 'orders' }, secured)
  return secured
}

function blocksOf(markdown: string): Block[] {
  const found: Block[] = []
  for (const match of markdown.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)) {
    const before = markdown.slice(0, match.index)
    const line = before.split('\n').length
    const section = [...before.matchAll(/^## (.*)$/gm)].at(-1)?.[1] ?? ''
    found.push({ language: match[1] ?? '', code: match[2] ?? '', line, section })
  }
  return found
}

const named = (language: string) =>
  blocks
    .filter((block) => block.language === language)
    .map((block) => [`line ${block.line}`, block] as const)

/** The addresses of the broker instead of those that the README's has. */
function here(code: string, { http, kafka } = broker): string {
  return code
    .replaceAll(/\b(\w+)\.localhost:8080/g, `$1.localhost:${new URL(http).port}`)
    .replaceAll(/(http:\/\/)?(localhost|127\.0\.0\.1):8080/g, (_, scheme = '') =>
      scheme === '' ? new URL(http).host : http,
    )
    .replaceAll('127.0.0.1:9092', bootstrap(kafka))
}

function run(
  command: string,
  args: readonly string[],
  env = {},
): Promise<{ code: number | null; out: string }> {
  const child = spawn(command, args, { cwd: folder, env: { ...process.env, ...env } })
  let out = ''
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (out += chunk))
  return new Promise((done) => child.once('close', (code) => done({ code, out })))
}

/** What tsc says of a program, by the strictest of its usual settings. */
function typesOf(file: string): string {
  const flags = ['--noEmit', '--strict', '--noUncheckedIndexedAccess', '--target', 'es2023']
  const module = ['--module', 'nodenext', '--types', 'node', '--skipLibCheck']
  const lib = ['--lib', 'es2023,esnext.disposable,dom']
  const tsc = [bin('typescript/bin/tsc'), ...flags, ...module, ...lib, file]
  return spawnSync(process.execPath, tsc, { cwd: folder, encoding: 'utf8' }).stdout
}

it('says where the console is, and it is there', async () => {
  const [, address = ''] = /^Open <(http:\/\/127\.0\.0\.1:8080)>/m.exec(readme) ?? []
  const page = await fetch(`${here(address)}/`)
  expect(page.headers.get('content-type')).toContain('text/html')
  const [, script = ''] = /<script type="module"[^>]* src="([^"]+)"/.exec(await page.text()) ?? []
  expect((await fetch(new URL(script, page.url))).status).toBe(200)
})

it('has blocks of known languages alone', () => {
  expect(blocks.length).toBeGreaterThan(8)
  // Without a language: what a command prints.
  const known = ['sh', 'js', 'ts', 'html', '', 'toml', 'json']
  expect(blocks.filter(({ language }) => !known.includes(language))).toEqual([])
})

/** All lines are npm's or npx's. */
const isForCheckout = ({ code }: Block) =>
  code
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .every((line) => /^(\S+=\S+ )?(npm|npx|git|cd) /.test(line))

describe('commands of the shell', () => {
  it.for(named('sh').filter(([, block]) => !isForCheckout(block)))(
    '%s',
    async ([, block], context) => {
      const tools = ['curl', 'kcat'].filter((tool) => block.code.includes(tool))
      needs(context, 'bash', ...tools)
      const spoken = await brokerOf(block)
      const strict = ['--norc', '-euo', 'pipefail', '-c', here(block.code, spoken)]
      const path = `${join(folder, 'bin')}:${process.env.PATH}`
      const { code, out } = await run('bash', strict, {
        PATH: path,
        OTTLA_URL: spoken.http,
        ...(spoken === secured ? { OTTLA_SECRET: secret } : {}),
      })
      expect(code, out).toBe(0)
      expect(out).not.toMatch(/"code":"[A-Z_]+"/)
    },
  )

  it.for(named('sh').filter(([, block]) => isForCheckout(block)))(
    '%s: what npm and npx are asked for is there',
    async ([, { code }]) => {
      const help = await run(process.execPath, [join(ROOT, 'dist/ottla.js'), '--help'])
      for (const line of code.split('\n')) {
        const [, npm, script] = /\bnpm (run )?([\w:-]+)/.exec(line) ?? []
        if (script !== undefined && !['ci', 'install'].includes(script)) {
          expect(Object.keys(manifest.scripts), `${npm ?? ''}${line}`).toContain(script)
        }
        const [, command] = /\bnpx ottla ([\w-]+)/.exec(line) ?? []
        if (command !== undefined) expect(help.out).toContain(command)
      }
    },
  )
})

describe('programs', () => {
  // The tour has made it, where there is curl.
  beforeAll(() => create({ name: 'orders', partitions: 2 }))

  it.for(named('js'))('%s', async ([, block]) => {
    const file = join(folder, `line-${block.line}.mjs`)
    writeFileSync(file, here(block.code))
    const { code, out } = await run(process.execPath, [file])
    expect(code, out).toBe(0)
    expect(out).not.toBe('')
  })

  it.for(named('ts').filter(([, { code }]) => !code.includes("'vitest'")))(
    '%s',
    async ([, block]) => {
      const file = join(folder, `line-${block.line}.mts`)
      writeFileSync(file, here(block.code))
      expect(typesOf(file)).toBe('')
      const { code, out } = await run(process.execPath, [
        '--disable-warning=ExperimentalWarning',
        file,
      ])
      expect(code, out).toBe(0)
      expect(out).not.toBe('')
    },
  )

  it.for(named('ts').filter(([, { code }]) => code.includes("'vitest'")))(
    '%s, a test',
    async ([, block]) => {
      expect(block.code.trim().split('\n').length).toBeLessThanOrEqual(15)
      const file = join(folder, `line-${block.line}.test.ts`)
      writeFileSync(file, here(block.code))
      expect(typesOf(file)).toBe('')
      const vitest = [
        bin('vitest/vitest.mjs'),
        'run',
        '--root',
        folder,
        '--reporter',
        'default',
        file,
      ]
      const { code, out } = await run(process.execPath, vitest, {
        VITEST: '',
        NODE_OPTIONS: '',
        NO_COLOR: '1',
      })
      expect(code, out).toBe(0)
      expect(out).toMatch(/Tests\s+1 passed/)
    },
  )
})

describe('pages', () => {
  let browser: Browser | undefined
  let pages: Server
  let html = ''

  beforeAll(async () => {
    pages = createServer((_, response) => response.setHeader('content-type', 'text/html').end(html))
    await new Promise<void>((done) => pages.listen(0, '127.0.0.1', done))
  })

  afterAll(async () => {
    await browser?.close()
    pages.close()
  })

  it.for(named('html'))(
    '%s shows records as they come, and after a restart',
    async ([, block], context) => {
      if (!existsSync(CHROMIUM)) absent(context, CHROMIUM)
      const args = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run']
      browser ??= await chromium.launch({ executablePath: CHROMIUM, args })
      html = here(block.code)
      expect(html.trim().split('\n').length).toBeLessThanOrEqual(20)
      const page = await browser.newPage()
      await page.goto(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`)
      const produce = async (value: string) => {
        const url = `${broker.http}/v1/topics/orders/records`
        const headers = { 'content-type': 'application/json' }
        const answer = await fetch(url, {
          method: 'POST',
          headers,
          body: JSON.stringify({ value }),
        })
        expect(answer.status).toBe(200)
      }
      await produce('before the restart')
      await page.getByText('before the restart').waitFor({ timeout: 15_000 })
      await broker.kill()
      const ports = ['--http-port', new URL(broker.http).port]
      const again = await startBroker({ data: broker.dataDir, args: ports })
      const { stop } = broker
      broker = { ...again, stop: () => again.stop().then(stop) }
      await produce('after the restart')
      await page.getByText('after the restart').waitFor({ timeout: 30_000 })
      expect(await page.getByText('before the restart').count()).toBe(1)
    },
  )
})
