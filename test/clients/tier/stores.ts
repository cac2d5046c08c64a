// Starts workerd as the launcher does, with its configuration of a tier, and worker.ts in the place of the
// broker: the stores as they run. Not the broker with a tier.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import { parseFlags } from '../../../src/cli/flags.ts'
import { planTier } from '../../../src/cli/tier.ts'
import { workerdConfig } from '../../../src/cli/workerd-config.ts'
import { findWorkerd, runWorkerd } from '../../../src/cli/workerd-process.ts'
import {
  type ObjectPage,
  type ObjectStore,
  ObjectStoreError,
} from '../../../src/tier/object-store.ts'
import { freePort } from '../../bench/processes.ts'

/** A store inside a workerd of its own. */
export interface RunningStore {
  readonly store: ObjectStore
  /** Which store it is, and whether it counts as synced. */
  readonly kind: () => Promise<unknown>
  /** Everything workerd has printed. */
  readonly printed: readonly string[]
  stop(): Promise<void>
}

/**
 * @param set the broker's configuration
 * @param env variables for workerd, beside those that this process has
 */
export async function startStore(
  set: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningStore> {
  const flags = Object.entries(set).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const parsed = parseFlags(['start', ...flags], {})
  const planned = planTier(set, env)
  if (parsed.kind !== 'start' || planned.kind !== 'plan') {
    throw new Error(JSON.stringify({ parsed, planned }))
  }
  const folder = mkdtempSync(join(tmpdir(), 'ottla-store-'))
  const port = await freePort()
  const listener = {
    name: 'http-0',
    protocol: 'http',
    host: '127.0.0.1',
    advertised: null,
  } as const
  const configPath = join(folder, 'workerd.capnp')
  writeFileSync(
    configPath,
    workerdConfig({
      options: { ...parsed.options, config: planned.config },
      listeners: {
        all: [{ ...listener, port, portChosen: true }],
        kafka: '',
        http: '',
        httpAddresses: [],
      },
      modules: await modules(),
      webDir: folder,
      objectsDir: folder,
      tier: planned.tier,
    }),
  )
  const printed: string[] = []
  Object.assign(process.env, env)
  const workerd = runWorkerd({
    binary: findWorkerd(import.meta.filename)!,
    configPath,
    cwd: folder,
    sockets: 2,
    removeAfterKill: folder,
    onLine: (line) => printed.push(line),
  })
  for (const name of Object.keys(env)) delete process.env[name]
  const outcome = await workerd.ready
  if (outcome !== 'ready') throw new Error(JSON.stringify({ outcome, printed }))
  const url = `http://127.0.0.1:${port}/`
  return {
    store: new RemoteStore(url),
    kind: async () => (await fetch(url)).json(),
    printed,
    async stop() {
      workerd.kill()
      await workerd.ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** As the build makes them of the broker: what is imported on demand is a module of its own. */
async function modules() {
  const { outputFiles } = await build({
    entryPoints: { index: join(import.meta.dirname, 'worker.ts') },
    outdir: import.meta.dirname,
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    platform: 'neutral',
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['module', 'main'],
    splitting: true,
    logLevel: 'error',
  })
  return outputFiles
    .map(({ path, contents }) => ({ name: basename(path), content: contents }))
    .sort((a, b) => Number(b.name === 'index.js') - Number(a.name === 'index.js'))
}

/** The store behind worker.ts. */
class RemoteStore implements ObjectStore {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    await this.#ask(
      [
        ['do', 'put'],
        ['key', key],
      ],
      body,
    )
  }

  async get(key: string, range?: { readonly offset: number; readonly length: number }) {
    const part = Object.entries(range ?? {}).map(([name, value]) => [name, String(value)])
    const response = await this.#ask([['do', 'get'], ['key', key], ...part])
    return response.status === 404 ? null : new Uint8Array(await response.arrayBuffer())
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.#ask([['do', 'delete'], ...keys.map((key) => ['key', key])])
  }

  async list(prefix: string, after: string | null): Promise<ObjectPage> {
    const start = after === null ? [] : [['after', after]]
    const response = await this.#ask([['do', 'list'], ['key', prefix], ...start])
    return (await response.json()) as ObjectPage
  }

  async #ask(query: string[][], body?: Uint8Array): Promise<Response> {
    const content = body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }
    const url = `${this.#url}?${new URLSearchParams(query)}`
    const response = await fetch(url, { method: 'POST', ...content })
    if (response.status !== 500) return response
    const { name, message, retriable } = (await response.json()) as Record<string, unknown>
    if (name !== 'ObjectStoreError' && name !== 'S3Error') throw new Error(`${name}: ${message}`)
    throw new ObjectStoreError(String(message), retriable === true)
  }
}
