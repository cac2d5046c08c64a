// Runs the built launcher as a user would and watches it: its two outputs, its end, its workerd. Not a
// test. Unlike the client tests' broker it expects failures, signals and kills.

import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const LAUNCHER = resolve(import.meta.dirname, '../../../dist/ottla.js')
export const ANY_PORTS = ['--kafka-port', '0', '--http-port', '0'] as const

const READY = /^ready kafka=(\S+):(\d+) http=(https?:\/\/\S+:(\d+))\n/
const READY_WITHIN_MS = 20_000
const POLL_MS = 10

/** Where a ready broker listens. */
export interface Ready {
  readonly kafkaHost: string
  readonly kafkaPort: number
  /** Origin. */
  readonly http: string
  readonly httpPort: number
}

/** How a launcher ended, and what it said. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** What a shell does before it becomes the launcher, such as `ulimit -n 256`. */
  readonly shell?: string
}

/** One run of `ottla start`. */
export class Run {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  stdout = ''
  stderr = ''

  constructor(args: readonly string[], options: RunOptions = {}) {
    const command = [process.execPath, LAUNCHER, 'start', ...args]
    const script = `${options.shell ?? ':'}; exec "$@"`
    const child = spawn('/bin/sh', ['-c', script, 'sh', ...command], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child = child
    child.stdout.on('data', (chunk: Buffer) => {
      this.stdout += chunk
    })
    child.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk
    })
    this.ended = new Promise((done) => {
      child.once('close', (code, signal) => {
        done({ code, signal, stdout: this.stdout, stderr: this.stderr })
      })
    })
  }

  get pid(): number {
    return this.child.pid!
  }

  /** Waits for the ready line. Throws with what was said when the launcher ends first. */
  async ready(): Promise<Ready> {
    await until(() => READY.test(this.stdout) || this.child.exitCode !== null, READY_WITHIN_MS)
    const match = READY.exec(this.stdout)
    if (match === null) throw new Error(`not ready: ${this.stdout}${this.stderr}`)
    const [, kafkaHost = '', kafkaPort, http = '', httpPort] = match
    return { kafkaHost, kafkaPort: Number(kafkaPort), http, httpPort: Number(httpPort) }
  }

  /** SIGTERM, unless it ended already. */
  stop(): Promise<Ended> {
    if (this.child.exitCode === null) this.child.kill('SIGTERM')
    return this.ended
  }

  /** Process id of workerd: the launcher's only child. Linux only. */
  workerdPid(): number {
    const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8')
    const pids = children.trim().split(' ')
    if (pids.length !== 1 || pids[0] === '')
      throw new Error(`children of the launcher: ${children}`)
    return Number(pids[0])
  }
}

/** True while a process is there and not a zombie. Linux only. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** Processes whose command line holds a text. Linux only. */
export function processesNaming(text: string): number[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return []
    try {
      const line = readFileSync(`/proc/${entry}/cmdline`, 'utf8')
      return line.includes(text) && isAlive(Number(entry)) ? [Number(entry)] : []
    } catch {
      return []
    }
  })
}

/** Waits until a condition holds; throws after `withinMs`. Gives the milliseconds it took. */
export async function until(condition: () => boolean, withinMs: number): Promise<number> {
  const startMs = performance.now()
  while (!condition()) {
    const waitedMs = performance.now() - startMs
    if (waitedMs > withinMs) throw new Error(`not so within ${withinMs} ms: ${condition}`)
    await sleep(POLL_MS)
  }
  return performance.now() - startMs
}
