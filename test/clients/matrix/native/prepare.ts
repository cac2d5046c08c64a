// Builds @confluentinc/kafka-javascript from the sources of its npm package with the machine's libraries.
// Its own install script would fetch a binary, or the sources of those libraries, from elsewhere. The
// headers of Node.js must be installed beside a `node` on PATH, which then runs the adapter.

import { existsSync, realpathSync } from 'node:fs'
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { build } from 'esbuild'
import { run } from '../../tools.ts'
import type { Command } from '../adapter.ts'

/** The machine has not what the build needs, or the registry was not reachable. */
export class CannotBuild extends Error {}

const HERE = import.meta.dirname
const PACKAGE = '@confluentinc/kafka-javascript'
/** librdkafka with the system's zlib and OpenSSL instead of downloaded ones. */
const LINKING = { CKJS_LINKING: 'dynamic' }

interface Node {
  readonly program: string
  /** The folder that has bin/ and include/. */
  readonly prefix: string
}

/** Builds into `folder`, once for each version and Node.js, and says how to run the adapter. */
export async function native(folder: string): Promise<Command> {
  const node = nodeWithHeaders()
  const wanted = `${await readFile(join(HERE, 'package-lock.json'), 'utf8')}\n${node.program}`
  const marker = join(folder, 'built')
  if (!existsSync(marker) || (await readFile(marker, 'utf8')) !== wanted) {
    await compile(folder, node)
    await writeFile(marker, wanted)
  }
  const adapter = join(folder, 'adapter.mjs')
  await build({
    entryPoints: [join(HERE, 'adapter.ts')],
    outfile: adapter,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node18',
    logLevel: 'warning',
  })
  const { version } = JSON.parse(
    await readFile(join(folder, 'node_modules', PACKAGE, 'package.json'), 'utf8'),
  )
  const env = { NATIVE_FOLDER: folder, NATIVE_VERSION: version }
  return { program: node.program, args: [adapter], env }
}

function nodeWithHeaders(): Node {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const program = join(folder, 'node')
    if (!existsSync(program)) continue
    const prefix = dirname(dirname(realpathSync(program)))
    if (existsSync(join(prefix, 'include/node/node.h'))) return { program, prefix }
  }
  throw new CannotBuild('no node on PATH has its headers (include/node) beside it')
}

async function compile(folder: string, { program, prefix }: Node): Promise<void> {
  const root = join(folder, 'node_modules', PACKAGE)
  const env = { ...LINKING, PATH: `${dirname(program)}${delimiter}${process.env.PATH}` }
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  await rm(join(folder, 'node_modules'), { recursive: true, force: true })
  for (const file of ['package.json', 'package-lock.json']) {
    await copyFile(join(HERE, file), join(folder, file))
  }
  const gyp = join(folder, 'node_modules/node-gyp/bin/node-gyp.js')
  try {
    await run('env', [...settings, 'npm', '--prefix', folder, 'ci', '--ignore-scripts'])
    await fewProcesses(join(root, 'deps/librdkafka.gyp'))
    const target = ['--directory', root, `--nodedir=${prefix}`]
    await run('env', [...settings, program, gyp, 'rebuild', ...target])
  } catch (error) {
    throw new CannotBuild(error instanceof Error ? error.message.slice(-2_000) : String(error))
  }
}

/** As it comes, it compiles librdkafka with as many processes as there are files. */
async function fewProcesses(file: string): Promise<void> {
  const text = await readFile(file, 'utf8')
  const jobs = `"make", "-j${availableParallelism()}"`
  await writeFile(file, text.replaceAll('"make", "-j"', jobs))
}
