// The built Worker in a workerd that the bench starts itself, without the launcher: behind counters.js, which
// counts what would be billed, and with a garbage collection on demand and V8's profiler. Everything
// else is as the launcher configures it.

import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseFlags } from '../../../src/cli/flags.ts'
import { bindings, COMPATIBILITY_DATE, OBJECTS } from '../../../src/cli/workerd-config.ts'
import { findWorkerd } from '../../../src/cli/workerd-process.ts'
import { objectsOf } from '../launcher.ts'
import { end, firstLine, newFolder, start } from '../processes.ts'
import { Inspector } from './inspector.ts'

const DIST = resolve(import.meta.dirname, '../../../dist')
const ENTRY = 'counted.js'
const COUNTERS = 'counters.js'

/** What was counted since it was last asked, by the units of the bill. */
export interface Counts {
  readonly rowsRead: number
  readonly rowsWritten: number
  /** Alarms that fired. */
  readonly alarms: number
  /** Calls to objects: `PARTITION.append`. */
  readonly calls: Readonly<Record<string, number>>
  /** Milliseconds in which objects had a call under way, of all of a binding together: `PARTITION`. */
  readonly busyMs: Readonly<Record<string, number>>
  /** Objects constructed, by class. */
  readonly objects: Readonly<Record<string, number>>
}

/** The sum of a count's parts. */
export function sum(parts: Readonly<Record<string, number>>): number {
  return Object.values(parts).reduce((all, part) => all + part, 0)
}

/** A running workerd. */
export interface OwnWorkerd {
  readonly pid: number
  readonly kafkaPort: number
  readonly httpPort: number
  counts(): Promise<Counts>
  /** Collects V8's garbage, so that what is left in memory is in use. */
  collect(): Promise<void>
  /** The profiler of the isolate that the Worker and all its objects share. */
  inspector(): Promise<Inspector>
  stop(): Promise<void>
}

/** Starts the Worker over a data folder that no other process has open. */
export async function startOwn(data: string): Promise<OwnWorkerd> {
  const binary = findWorkerd(import.meta.filename)
  if (binary === null) throw new Error('the workerd package has no binary for this platform')
  const config = join(newFolder(), 'workerd.capnp')
  writeFileSync(config, configOf(data))
  const child = start(binary, [
    'serve',
    '--import-path=/',
    '--control-fd=3',
    '--inspector-addr=127.0.0.1:0',
    config,
  ])
  const port = async (event: string) =>
    Number((await firstLine(child, 3, new RegExp(`${event}","port":(\\d+)`)))[1])
  const [inspectorPort, kafkaPort, httpPort] = await Promise.all([
    port('listen-inspector'),
    port('"socket":"kafka'),
    port('"socket":"http'),
  ])
  const ask = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${httpPort}/bench/${path}`)
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  return {
    pid: child.pid ?? 0,
    kafkaPort,
    httpPort,
    counts: async () => (await ask('counts')) as Counts,
    collect: async () => void (await ask('collect')),
    inspector: () => Inspector.open(inspectorPort),
    stop: () => end(child, 'SIGKILL'),
  }
}

/** What the launcher configures, as text: with the counting entry, any ports, no lock, and V8's gc(). */
function configOf(dataFolder: string): string {
  const parsed = parseFlags(['start', '--log-level', 'error'], {})
  if (parsed.kind !== 'start') throw new Error('the flags of the bench are not understood')
  const listeners = { all: [], kafka: '', http: '', httpAddresses: [] }
  const texts = Object.entries(bindings({ options: parsed.options, listeners }))
  const modules = modulesIn(newFolder())
  mkdirSync(objectsOf(dataFolder), { recursive: true })
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  v8Flags = ["--expose-gc"],
  services = [
    (name = "main", worker = .worker),
    (name = "objects", disk = (path = ${text(objectsOf(dataFolder))}, writable = true)),
    (name = "web", disk = (path = ${text(join(DIST, 'web'))})),
    (name = "internet", network = (allow = [])),
  ],
  sockets = [
    (name = "kafka", address = "127.0.0.1:0", tcp = (), service = "main"),
    (name = "http", address = "127.0.0.1:0", http = (), service = "main"),
  ],
);

const worker :Workerd.Worker = (
  compatibilityDate = "${COMPATIBILITY_DATE}",
  modules = [
${modules.join('\n')}
  ],
  durableObjectNamespaces = [
${OBJECTS.map(({ className }) => `    (className = "${className}", uniqueKey = "ottla-${className}", enableSql = true),`).join('\n')}
  ],
  durableObjectStorage = (localDisk = "objects"),
  bindings = [
${OBJECTS.map(({ className, binding }) => `    (name = "${binding}", durableObjectNamespace = "${className}"),`).join('\n')}
    (name = "FILES", service = "web"),
${texts.map(([name, value]) => `    (name = "${name}", text = ${text(value)}),`).join('\n')}
  ],
);
`
}

/** The files of the bundle behind the counting entry, which comes first, in a folder of their own. */
function modulesIn(folder: string): string[] {
  const built = readdirSync(join(DIST, 'worker')).filter((name) => /\.(js|wasm)$/.test(name))
  for (const name of built) copyFileSync(join(DIST, 'worker', name), join(folder, name))
  copyFileSync(join(import.meta.dirname, COUNTERS), join(folder, COUNTERS))
  writeFileSync(join(folder, ENTRY), ENTRY_TEXT)
  return [ENTRY, COUNTERS, ...built].map((name) => {
    const kind = name.endsWith('.wasm') ? 'wasm' : 'esModule'
    return `    (name = "${name}", ${kind} = embed ${text(join(folder, name))}),`
  })
}

/** Each class and the Worker itself, counted. */
const ENTRY_TEXT = `import { counted, serving } from './${COUNTERS}'
import worker, * as objects from './index.js'
${OBJECTS.map(({ className }) => `export const ${className} = counted(objects.${className}, '${className}')`).join('\n')}
export default serving(worker)
`

/** A Cap'n Proto text literal is as JSON's, for paths and settings. */
function text(value: string): string {
  return JSON.stringify(value)
}
