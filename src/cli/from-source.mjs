// Builds dist/ and, as `npm start`, runs the launcher from it: `start` builds what is older than its
// sources, `stale` does that alone (`stale wasm web`: those alone), `build` builds everything, `build:wasm`
// and `build:web` that alone. Plain JavaScript, esbuild and for the console Vite, not wrangler: it has to run
// on Node 20 with nothing built, no install script run and no network, and before every start it has to be
// quick.

import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const ROOT = resolve(import.meta.dirname, '../..')
const LAUNCHER = join(ROOT, 'dist/ottla.js')

/** What is built, in order; each is stale when a source (or a folder holding sources) is newer. */
const TARGETS = [
  {
    name: 'wasm',
    output: 'wasm/build/ottla.wasm',
    sources: ['wasm/assembly', 'wasm/asconfig.json'],
    build: buildWasm,
  },
  {
    name: 'worker',
    output: 'dist/worker/index.js',
    sources: ['src', 'wasm/build', 'package.json', 'package-lock.json'],
    except: ['src/cli', 'src/client'],
    build: buildWorker,
  },
  {
    name: 'web',
    output: 'dist/web/index.html',
    sources: ['web', 'src/client', 'src/core/murmur2.ts', 'package-lock.json'],
    build: buildWeb,
  },
  {
    // Behind the folder that it puts a copy into.
    name: 'client',
    output: 'dist/web/client.js',
    sources: ['src/client', 'src/cli', 'src/core', 'src/protocol', 'web', 'package-lock.json'],
    build: buildClient,
  },
  {
    name: 'types',
    output: 'dist/client/client.d.ts',
    sources: ['src/client'],
    build: buildTypes,
    isForPackage: true,
  },
  {
    name: 'launcher',
    output: 'dist/ottla.js',
    sources: ['src/cli', 'src/core', 'package.json', 'package-lock.json'],
    build: buildLauncher,
  },
  {
    name: 'commands',
    output: 'dist/commands.js',
    sources: ['src/cli', 'src/client', 'src/core', 'package-lock.json'],
    build: buildCommands,
  },
  {
    name: 'verify',
    output: 'dist/verify.js',
    sources: [
      'src/cli',
      'src/core',
      'src/record',
      'src/partition',
      'wasm/build',
      'package-lock.json',
    ],
    build: buildVerify,
  },
]

const [command = 'build', ...flags] = process.argv.slice(2)
if (command === 'build:wasm') buildWasm()
else if (command === 'build:web') await buildWeb()
else if (command === 'build') await build(() => true)
else if (command === 'stale')
  await build((target) => (flags.length === 0 || flags.includes(target.name)) && isStale(target))
else if (command === 'start') await start()
else fail(`unknown command: ${command}`)

async function start() {
  await build((target) => !target.isForPackage && isStale(target))
  process.argv.splice(1, process.argv.length, LAUNCHER, 'start', ...flags)
  await import(pathToFileURL(LAUNCHER).href)
}

async function build(needed) {
  let esbuild
  for (const target of TARGETS) {
    if (!needed(target)) continue
    esbuild ??= await import('esbuild')
    await target.build(esbuild)
  }
  // Its service process would keep this one alive.
  await esbuild?.stop()
}

function buildWasm() {
  const asc = join(ROOT, 'node_modules/assemblyscript/bin/asc.js')
  const args = [asc, '--config', 'asconfig.json', '--target', 'release']
  // It may remark on its own optimizer; that is worth reading only when it fails.
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: join(ROOT, 'wasm') })
  if (status !== 0) fail(`the WASM module does not compile\n${stderr}`)
}

/**
 * The modules and the WASM file that workerd, miniflare and the published package run; what is imported
 * on demand is a module of its own, which is not run at the start. workerd parses all of them then, so what
 * is shorter starts sooner: local names are shortened, those of methods and fields stay.
 */
async function buildWorker(esbuild) {
  await bundle(esbuild, {
    entryPoints: { index: join(ROOT, 'src/index.ts') },
    outdir: join(ROOT, 'dist/worker'),
    platform: 'neutral',
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['module', 'main'],
    external: ['node:*', 'cloudflare:*'],
    loader: { '.wasm': 'copy' },
    assetNames: '[name]',
    splitting: true,
    chunkNames: '[name]-[hash]',
    minifyWhitespace: true,
    minifySyntax: true,
    minifyIdentifiers: true,
  })
}

/**
 * The console, by Vite: made beside what is served now and put in its place at once, for a broker may be
 * reading it. Vite leaves the folder's own times alone, and its first page is what says how old it is.
 */
async function buildWeb() {
  const { build: buildWithVite } = await import('vite')
  const outDir = join(ROOT, `dist/web.${process.pid}`)
  const configFile = join(ROOT, 'web/vite.config.ts')
  try {
    await buildWithVite({ configFile, logLevel: 'warn', build: { outDir, emptyOutDir: true } })
  } catch (error) {
    rmSync(outDir, { recursive: true, force: true })
    fail(`the console does not build\n${error.message}`)
  }
  const served = join(ROOT, 'dist/web')
  rmSync(served, { recursive: true, force: true })
  renameSync(outDir, served)
}

/**
 * What programs import: the client for every runtime, which the broker serves too, and beside it what tests start a
 * broker with, in Node alone.
 */
async function buildClient(esbuild) {
  const folder = join(ROOT, 'dist/client')
  // dist/package.json says that it is CommonJS.
  replace(join(folder, 'package.json'), '{ "type": "module" }\n')
  await bundle(esbuild, {
    entryPoints: [join(ROOT, 'src/client/client.ts')],
    outfile: join(folder, 'client.js'),
    platform: 'neutral',
    target: 'es2022',
    minify: true,
  })
  await bundle(esbuild, {
    entryPoints: [join(ROOT, 'src/client/testing.ts')],
    outfile: join(folder, 'testing.js'),
    platform: 'node',
    target: 'node20',
    plugins: [{ name: 'client', setup: besideClient }],
  })
  replace(join(ROOT, 'dist/web/client.js'), readFileSync(join(folder, 'client.js')))
}

/** One client, whoever imports it: an error of it is an OttlaError to both. */
function besideClient(build) {
  build.onResolve({ filter: /\/client\.ts$/ }, () => ({ path: './client.js', external: true }))
}

/** The types of the client, as far as what is exported names them. */
function buildTypes() {
  const made = join(ROOT, 'dist/types')
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const flags = ['--noEmit', 'false', '--emitDeclarationOnly', '--declaration', '--rootDir', 'src']
  const args = [tsc, '-p', 'src/client', ...flags, '--outDir', made]
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: ROOT })
  if (status !== 0) fail(`the types of the client do not compile\n${stdout}`)
  const folder = join(ROOT, 'dist/client')
  const copied = new Set()
  const copy = (name) => {
    if (copied.has(name)) return
    copied.add(name)
    const text = readFileSync(join(made, 'client', `${name}.d.ts`), 'utf8')
    replace(join(folder, `${name}.d.ts`), text.replaceAll(/(from '\.\/[\w-]+)\.ts'/g, "$1.js'"))
    for (const [, next] of text.matchAll(/from '\.\/([\w-]+)\.ts'/g)) copy(next)
  }
  copy('client')
  copy('testing')
  rmSync(made, { recursive: true, force: true })
}

/** As CommonJS, which Node starts 4 ms sooner: a tenth of the time from nothing to the ready line. */
async function buildLauncher(esbuild) {
  replace(join(ROOT, 'dist/package.json'), '{ "type": "commonjs" }\n')
  await bundle(esbuild, {
    entryPoints: [join(ROOT, 'src/cli/ottla.ts')],
    outfile: LAUNCHER,
    format: 'cjs',
    define: { 'import.meta.dirname': '__dirname' },
    platform: 'node',
    target: 'node20',
    banner: { js: '#!/usr/bin/env node' },
    minify: true,
  })
}

/** What the commands run that speak to a broker. Two modules that `ws` can do without are left to be found. */
async function buildCommands(esbuild) {
  await bundle(esbuild, {
    entryPoints: [join(ROOT, 'src/cli/commands.ts')],
    outfile: join(ROOT, 'dist/commands.js'),
    format: 'cjs',
    define: { 'import.meta.dirname': '__dirname' },
    platform: 'node',
    target: 'node20',
    external: ['bufferutil', 'utf-8-validate'],
    minify: true,
  })
}

/** What `ottla verify` runs. It checks with the code that writes, so it needs the WASM module too. */
async function buildVerify(esbuild) {
  await bundle(esbuild, {
    entryPoints: [join(ROOT, 'src/cli/verify.ts')],
    outfile: join(ROOT, 'dist/verify.js'),
    format: 'cjs',
    define: { 'import.meta.dirname': '__dirname' },
    platform: 'node',
    target: 'node20',
    plugins: [{ name: 'wasm', setup: compiledInNode }],
    // Of Node 20 only later ones have it.
    banner: { js: 'process.getBuiltinModule??=require;' },
  })
}

/** `import m from '*.wasm'` gives a compiled module, as workerd does; its bytes lie in the bundle. */
function compiledInNode(build) {
  build.onLoad({ filter: /\.wasm$/ }, ({ path }) => {
    const base64 = readFileSync(path).toString('base64')
    const contents = `export default new WebAssembly.Module(Buffer.from('${base64}', 'base64'))`
    return { contents, loader: 'js' }
  })
}

/** Each file is replaced at once: a broker that starts meanwhile reads the old or the new one. */
async function bundle(esbuild, options) {
  try {
    const { outputFiles } = await esbuild.build({
      absWorkingDir: ROOT,
      bundle: true,
      write: false,
      format: 'esm',
      target: 'es2024',
      logLevel: 'error',
      ...options,
    })
    for (const file of outputFiles) replace(file.path, file.contents)
    if (options.splitting) removeOthers(outputFiles.map((file) => file.path))
  } catch (error) {
    await esbuild.stop()
    // esbuild has printed its own errors.
    if (!('errors' in error)) throw error
    fail('the build failed')
  }
}

/** Modules of earlier builds, whose names carry other hashes. */
function removeOthers(paths) {
  const folder = dirname(paths[0])
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (!paths.includes(path) && /-[A-Z0-9]+\.js$/.test(name)) rmSync(path, { force: true })
  }
}

function replace(path, contents) {
  const temporary = `${path}.${process.pid}`
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(temporary, contents)
  renameSync(temporary, path)
}

function isStale(target) {
  const output = join(ROOT, target.output)
  if (!existsSync(output)) return true
  const builtAt = statSync(output).mtimeMs
  const except = (target.except ?? []).map((path) => join(ROOT, path))
  return target.sources.some((path) => newest(join(ROOT, path), except) > builtAt)
}

function newest(path, except) {
  if (except.includes(path)) return 0
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return readdirSync(path).reduce((latest, name) => {
    return Math.max(latest, newest(join(path, name), except))
  }, stat.mtimeMs)
}

function fail(reason) {
  process.stderr.write(`ottla: ${reason}\n`)
  process.exit(1)
}
