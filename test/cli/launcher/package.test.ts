import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../../..')
const folder = mkdtempSync(join(tmpdir(), 'ottla-package-'))

interface Manifest {
  readonly version: string
  readonly bin: Record<string, string>
  readonly dependencies: Record<string, string>
  readonly scripts: Record<string, string>
}

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the published package', () => {
  let files: string[] = []
  let manifest: Manifest

  beforeAll(() => {
    const flags = ['--json', '--ignore-scripts', '--pack-destination', folder]
    const packed = spawnSync('npm', ['pack', ...flags], { cwd: ROOT, encoding: 'utf8' })
    const [answer] = JSON.parse(packed.stdout) as { filename: string; files: { path: string }[] }[]
    files = answer!.files.map(({ path }) => path)
    spawnSync('tar', ['-xzf', join(folder, answer!.filename), '-C', folder])
    manifest = JSON.parse(readFileSync(join(folder, 'package/package.json'), 'utf8')) as Manifest
  })

  it('holds the launcher, the commands, the bundle, its WASM, the SDK, the console, the licence and the readme, and nothing else', () => {
    // What is loaded on demand has a hash in its name, and may come in several parts.
    const names = new Set(
      files.map((path) =>
        path
          .replace(/^(dist\/worker)\/[\w.-]+-[A-Z0-9]{8}\.js$/, '$1/NAME-HASH.js')
          .replace(/^(dist\/web\/assets)\/[\w-]+-[\w-]{8}\.(js|css)$/, '$1/NAME-HASH.$2')
          .replace(/^(dist\/client)\/[\w-]+\.d\.ts$/, '$1/NAME.d.ts'),
      ),
    )
    expect([...names].sort()).toEqual([
      'LICENSE',
      'README.md',
      'dist/client/NAME.d.ts',
      'dist/client/client.js',
      'dist/client/package.json',
      'dist/client/testing.js',
      'dist/commands.js',
      'dist/ottla.js',
      'dist/package.json',
      'dist/verify.js',
      'dist/web/assets/NAME-HASH.css',
      'dist/web/assets/NAME-HASH.js',
      'dist/web/client.js',
      'dist/web/filter.html',
      'dist/web/index.html',
      'dist/worker/NAME-HASH.js',
      'dist/worker/index.js',
      'dist/worker/ottla.wasm',
      'package.json',
    ])
  })

  it('depends on workerd alone', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['workerd'])
  })

  it('runs no script when it is installed', () => {
    const names = Object.keys(manifest.scripts ?? {})
    expect(names.filter((name) => /^(pre|post)?(un)?install$/.test(name))).toEqual([])
  })

  it('has a bin that runs on its own', () => {
    const bin = join(folder, 'package', manifest.bin.ottla ?? '')
    const { stdout } = spawnSync(process.execPath, [bin, '--version'], { encoding: 'utf8' })
    expect(stdout).toBe(`${manifest.version}\n`)
    expect(readFileSync(bin, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  })

  it('has commands that run on their own, in an empty folder', () => {
    const bin = join(folder, 'package', manifest.bin.ottla ?? '')
    const empty = mkdtempSync(join(folder, 'empty-'))
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', cwd: empty })
    for (const command of ['topics', 'produce', 'consume', 'groups', 'bench', 'proxy']) {
      expect(run(command, '--help').stdout).toMatch(/^Usage: ottla /)
    }
    // The WebSockets of `proxy` are in it.
    const { status, stderr } = run('proxy', 'http://127.0.0.1:1', '--host', 'nowhere.invalid')
    expect({ status, stderr }).toMatchObject({ status: 2 })
    expect(stderr).not.toContain('Cannot find module')
  })

  it('has a launcher that imports nothing but Node', () => {
    const launcher = readFileSync(join(folder, 'package/dist/ottla.js'), 'utf8')
    const imported = [...launcher.matchAll(/\b(?:require|import)\("([^"]+)"\)/g)].map(
      ([, name]) => name,
    )
    expect(imported.length).toBeGreaterThan(0)
    expect(imported.filter((name) => !name?.startsWith('node:'))).toEqual([])
  })
})

describe('npm start', () => {
  it('runs the broker, and a signal to npm ends it', async () => {
    const flags = ['--kafka-port', '0', '--http-port', '0', '--ephemeral']
    const npm = spawn('npm', ['start', '--silent', '--', ...flags], {
      cwd: ROOT,
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let stdout = ''
    const ended = new Promise((done) => npm.once('close', done))
    npm.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk
      if (stdout.includes('\n')) npm.kill('SIGTERM')
    })
    // The pipe is closed only when the launcher, which holds its other end, is gone too.
    expect(await ended).toBe(0)
    expect(stdout).toMatch(/^ready kafka=127\.0\.0\.1:\d+ http=http:\/\/127\.0\.0\.1:\d+\n$/)
  })
})
