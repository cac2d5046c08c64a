// Bare workerd with one of the Workers of floors/: the peer that each figure is measured against, from
// the same binary, on the same disk and with the same compatibility date. Not the broker.

import { readdirSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { COMPATIBILITY_DATE } from '../../src/cli/workerd-config.ts'
import { findWorkerd } from '../../src/cli/workerd-process.ts'
import { end, firstLine, newFolder, start } from './processes.ts'

/** A running floor. */
export interface Floor {
  readonly pid: number
  /** Port on 127.0.0.1 whose connections go to the Worker's connect(). */
  readonly tcpPort: number
  /** The same of its HTTP; 0 where it has none. */
  readonly httpPort: number
  /** Runs `/insert` or `/scan` inside the object; the times are the object's own. */
  run(path: string): Promise<{ readonly ms: number; readonly bytes: number; readonly rows: number }>
  stop(): Promise<void>
}

/** What a floor is made of. */
export interface FloorOptions {
  readonly worker: 'empty' | 'log' | 'bytes' | 'least'
  /** Folder of the objects' storage, such as a stopped broker's; a new one when absent. */
  readonly objectsDir?: string
  /** Id of the one object that `least` reads, of such a broker. */
  readonly object?: string
  /** Folder of modules that are there and not imported, such as a broker's: workerd parses them when it starts. */
  readonly unusedModules?: string
}

const FLOORS = join(import.meta.dirname, 'floors')

/** Starts workerd and resolves as soon as it listens: what `start` and `memory` call bare workerd. */
export async function startFloor(options: FloorOptions): Promise<Floor> {
  const { binary, args } = await prepareFloor(options)
  return launchFloor(binary, args, hasHttp(options.worker))
}

/** Writes the configuration; what is left to do is to run it. */
export async function prepareFloor(
  options: FloorOptions,
): Promise<{ readonly binary: string; readonly args: readonly string[] }> {
  const binary = findWorkerd(import.meta.filename)
  if (binary === null) throw new Error('the workerd package has no binary for this platform')
  const folder = newFolder()
  const objectsDir = options.objectsDir ?? join(folder, 'objects')
  await mkdir(objectsDir, { recursive: true })
  const config = join(folder, 'workerd.capnp')
  writeFileSync(config, configOf(options, objectsDir))
  return { binary, args: ['serve', '--import-path', '/', '--control-fd=3', config] }
}

/** Runs a prepared floor until its sockets listen. */
export async function launchFloor(
  binary: string,
  args: readonly string[],
  hasHttp: boolean,
): Promise<Floor> {
  const child = start(binary, args)
  const listening = (socket: string) =>
    firstLine(child, 3, new RegExp(`"socket":"${socket}","port":(\\d+)`))
  const [tcp, http] = await Promise.all([
    listening('tcp'),
    hasHttp ? listening('http') : Promise.resolve(null),
  ])
  return {
    pid: child.pid!,
    tcpPort: Number(tcp[1]),
    httpPort: Number(http?.[1] ?? 0),
    async run(path) {
      const answer = await fetch(`http://127.0.0.1:${http?.[1]}${path}`)
      if (!answer.ok) throw new Error(`floor: ${answer.status} ${await answer.text()}`)
      return (await answer.json()) as { ms: number; bytes: number; rows: number }
    },
    // Nothing is kept, so nothing has to be ended gently.
    stop: () => end(child, 'SIGKILL'),
  }
}

/** The class and its key are the broker's, so that a floor can open a stopped broker's objects. */
function configOf(options: FloorOptions, objectsDir: string): string {
  const { worker, object = '' } = options
  const storage = `
  durableObjectNamespaces = [
    (className = "Partition", uniqueKey = "ottla-Partition", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "objects"),
  bindings = [
    (name = "PARTITION", durableObjectNamespace = "Partition"),
    (name = "ONLY", text = ${JSON.stringify(object)}),
  ],`
  const sockets = [
    '(name = "tcp", address = "127.0.0.1:0", tcp = (), service = "main")',
    ...(hasHttp(worker) ? ['(name = "http", address = "127.0.0.1:0", service = "main")'] : []),
  ]
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "objects", disk = (path = ${JSON.stringify(objectsDir)}, writable = true)),
  ],
  sockets = [${sockets.join(', ')}],
);

const worker :Workerd.Worker = (
  compatibilityDate = "${COMPATIBILITY_DATE}",
  modules = [${modulesOf(options).join(', ')}],${worker === 'empty' ? '' : storage}
);
`
}

function hasHttp(worker: FloorOptions['worker']): boolean {
  return worker === 'log' || worker === 'least'
}

/** The first is the entry. */
function modulesOf({ worker, unusedModules }: FloorOptions): string[] {
  const own = worker === 'empty' ? [worker] : [worker, 'frames']
  const unused = unusedModules === undefined ? [] : readdirSync(unusedModules)
  return [
    ...own.map((name) => module(`${name}.js`, join(FLOORS, `${name}.js`))),
    ...unused
      .filter((name) => name.endsWith('.js'))
      .map((name) => module(`unused/${name}`, join(unusedModules ?? '', name))),
  ]
}

function module(name: string, path: string): string {
  return `(name = ${JSON.stringify(name)}, esModule = embed ${JSON.stringify(path)})`
}
