// The oracle: a real Apache Kafka (KRaft, one node, loopback, free ports, a temporary folder) started
// from a folder of Maven jars named by OTTLA_ORACLE_LIB. Optional: `npm test` runs without it, and
// README.md says how to fetch the jars. It proves the scenarios, not the broker.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Address } from './broker.ts'

const READY_WITHIN_MS = 60_000
/** Flags of the JVM where nothing is measured. */
export const JVM = ['-Xms256m', '-Xmx768m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

/** A running Apache Kafka. */
export interface Oracle {
  readonly kafka: Address
  /** Of the JVM. */
  readonly pid: number
  /** When the JVM was started, by performance.now(). */
  readonly spawnedAtMs: number
  /** Ends it and removes its folder. */
  stop(): Promise<void>
  /** Ends it by SIGTERM or SIGKILL and starts it on the same folder and ports. */
  again(how: 'stop' | 'kill'): Promise<Oracle>
}

/** What a test leaves as it is and a measurement does not. */
interface Running {
  readonly jvm: readonly string[]
  /** The folder in which Kafka's is made. */
  readonly parent: string
}

/** Server properties, or what makes them of the ports that it was given. */
export type Settings =
  | Readonly<Record<string, string>>
  | ((ports: { readonly kafka: number; readonly controller: number }) => Record<string, string>)

/** Formats a folder and starts Kafka in it. */
export async function startKafka(
  settings: Settings = {},
  { jvm, parent }: Running = { jvm: JVM, parent: tmpdir() },
): Promise<Oracle> {
  const dir = await mkdtemp(join(parent, 'ottla-oracle-'))
  const [port, controllerPort] = await freePorts()
  const file = join(dir, 'server.properties')
  const own =
    typeof settings === 'function'
      ? settings({ kafka: port, controller: controllerPort })
      : settings
  await writeFile(file, properties({ ...quiet(dir, port, controllerPort), ...own }))
  const format = ['format', '-t', 'MkU3OEVBNTcwNTJENDM2Qg', '-c', file]
  await run(java(jvm, 'kafka.tools.StorageTool', format))
  return start(dir, file, { host: '127.0.0.1', port }, jvm)
}

async function start(
  dir: string,
  file: string,
  kafka: Address,
  jvm: readonly string[],
): Promise<Oracle> {
  const spawnedAtMs = performance.now()
  const child = java(jvm, 'kafka.Kafka', [file])
  const exited = new Promise<void>((done) => child.once('exit', () => done()))
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  try {
    await accepting(kafka, child)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    kafka,
    pid: child.pid!,
    spawnedAtMs,
    async stop() {
      child.kill('SIGKILL')
      await exited
      await rm(dir, { recursive: true, force: true })
    },
    async again(how) {
      child.kill(how === 'kill' ? 'SIGKILL' : 'SIGTERM')
      await exited
      return start(dir, file, kafka, jvm)
    },
  }
}

function quiet(dir: string, port: number, controllerPort: number): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(dir, 'data'),
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
  }
}

function properties(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

function java(jvm: readonly string[], main: string, args: readonly string[]): ChildProcess {
  const lib = process.env.OTTLA_ORACLE_LIB
  if (lib === undefined) throw new Error('OTTLA_ORACLE_LIB must name a folder of Kafka jars')
  const command = [...jvm, '-cp', join(lib, '*'), main, ...args]
  return spawn('java', command, { stdio: ['ignore', 'ignore', 'inherit'] })
}

async function run(child: ChildProcess): Promise<void> {
  const code = await new Promise((done) => child.once('exit', done))
  if (code !== 0) throw new Error(`java ended with ${code}`)
}

/** Two ports that were free a moment ago: Kafka must know its ports before it starts. */
export async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()]
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((done) => {
          server.listen(0, '127.0.0.1', () => {
            const address = server.address()
            done(typeof address === 'object' && address !== null ? address.port : 0)
          })
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return [ports[0]!, ports[1]!]
}

async function accepting(address: Address, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`Kafka ended with ${child.exitCode}`)
    if (await accepts(address)) return
    await new Promise((done) => setTimeout(done, 20))
  }
  throw new Error(`Kafka did not accept within ${READY_WITHIN_MS} ms`)
}

/** Kafka listens before it is registered; it answers Metadata once it is. */
function accepts({ host, port }: Address): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, host)
    socket.setTimeout(1_000, () => socket.destroy())
    socket.once('error', () => done(false))
    socket.once('close', () => done(false))
    socket.once('connect', () => socket.write(METADATA_V1_NO_TOPICS))
    socket.once('data', (data) => {
      const brokers = data.readInt32BE(8)
      socket.destroy()
      done(brokers === 1)
    })
  })
}

const METADATA_V1_NO_TOPICS = Buffer.from('0000000e00030001000000000000' + '00000000', 'hex')
