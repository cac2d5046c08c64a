// Starts the built launcher on free loopback ports in a folder of its own and watches it: the broker
// that the client tests talk to. Not a test and not the launcher's own tests (test/cli). Flags, ready
// line and exit codes are the command line's contract.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const LAUNCHER = resolve(import.meta.dirname, '../../dist/ottla.js')
const READY = /^ready kafka=(\S+):(\d+) http=(https?:\/\/\S+)$/
const READY_WITHIN_MS = 30_000

/** Where a broker listens for the Kafka protocol. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** `host:port`, the form every client's bootstrap setting takes. */
export function bootstrap(address: Address): string {
  return `${address.host}:${address.port}`
}

export interface BrokerOptions {
  /** Data folder to open; a temporary one, removed by `stop`, when absent. */
  readonly data?: string
  /** More flags, such as `['--set', 'num.partitions=8']`. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** A command and its first arguments, which runs the launcher in its own place (as `exec` does). */
  readonly under?: readonly string[]
  /** `dist/ottla.js` of another release. */
  readonly launcher?: string
}

/** One running launcher with its workerd. `restart` gives new ports, the same folder and flags. */
export interface Broker {
  readonly kafka: Address
  /** Origin of the HTTP listener, without a final slash. */
  readonly http: string
  /** Process id of the launcher. */
  readonly pid: number
  readonly dataDir: string
  /** Lines of standard error so far. */
  readonly log: readonly string[]
  /** Process id of workerd, the launcher's child. Linux only. */
  workerdPid(): number
  /** SIGTERM and exit; removes the folder if it was temporary. Safe to call twice. */
  stop(): Promise<void>
  /** SIGKILL of workerd and of the launcher, as a power cut would; the folder stays. */
  kill(): Promise<void>
  /** Stops what still runs and starts again on the same folder. */
  restart(): Promise<Broker>
}

/** Starts a broker and waits for its ready line. Throws with its standard error when it ends first. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const { launcher: script = LAUNCHER } = options
  if (!existsSync(script)) throw new Error(`${script} is missing: run "npm run build" first`)
  const temporary = options.data === undefined
  const dataDir = options.data ?? (await mkdtemp(join(tmpdir(), 'ottla-clients-')))
  const ports = ['--kafka-port', '0', '--http-port', '0', '--data', dataDir]
  const launcher = [process.execPath, script, 'start', ...ports, ...(options.args ?? [])]
  const [command = '', ...args] = [...(options.under ?? []), ...launcher]
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  })
  const log: string[] = []
  const exited = new Promise<void>((done) => child.once('exit', () => done()))
  const ready = await readyLine(child, log)
  const pid = child.pid!

  async function end(signals: () => void): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) signals()
    await exited
  }
  async function stop(): Promise<void> {
    await end(() => child.kill('SIGTERM'))
    if (temporary) await rm(dataDir, { recursive: true, force: true })
  }
  return {
    ...ready,
    pid,
    dataDir,
    log,
    workerdPid: () => onlyChild(pid),
    stop,
    kill: () =>
      end(() => {
        if (process.platform === 'linux') process.kill(onlyChild(pid), 'SIGKILL')
        child.kill('SIGKILL')
      }),
    async restart() {
      await end(() => child.kill('SIGTERM'))
      const next = await startBroker({ ...options, data: dataDir })
      const removes = temporary
        ? async () => {
            await next.stop()
            await rm(dataDir, { recursive: true, force: true })
          }
        : next.stop
      return { ...next, stop: removes }
    },
  }
}

/** Resident memory of a process in bytes (VmRSS of /proc). Linux only. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (line === null) throw new Error(`no VmRSS for process ${pid}`)
  return Number(line[1]) * 1024
}

function onlyChild(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/)
  if (children.length !== 1 || children[0] === '') {
    throw new Error(`launcher ${pid} has children [${children}], expected workerd alone`)
  }
  return Number(children[0])
}

function readyLine(
  child: ChildProcess,
  log: string[],
): Promise<{ readonly kafka: Address; readonly http: string }> {
  return new Promise((done, failed) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      failed(new Error(`no ready line within ${READY_WITHIN_MS} ms:\n${log.join('\n')}`))
    }, READY_WITHIN_MS)
    createInterface({ input: child.stderr! }).on('line', (line) => log.push(line))
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const match = READY.exec(line)
      if (match === null) return
      clearTimeout(timer)
      done({ kafka: { host: match[1]!, port: Number(match[2]) }, http: match[3]! })
    })
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      failed(new Error(`the launcher ended (${code ?? signal}) before ready:\n${log.join('\n')}`))
    })
  })
}
