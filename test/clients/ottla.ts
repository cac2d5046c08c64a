// Runs the commands of the built launcher as a user does: to their end, or, for `ottla proxy`, until it is stopped.
// The broker itself is started by broker.ts.

import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Address } from './broker.ts'

const LAUNCHER = resolve(import.meta.dirname, '../../dist/ottla.js')
const READY = /^ready kafka=(\S+):(\d+) url=(\S+)$/
const READY_WITHIN_MS = 20_000

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string | Uint8Array
  /** Called with the process while it runs, to send it a signal. */
  readonly running?: (child: ChildProcess) => void
}

/** Runs one command to its end. Without `input` its standard input is at its end. */
export function ottla(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: environment(options.env),
  })
  const read = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8')
    child[name].on('data', (text: string) => {
      read[name] += text
    })
  }
  child.stdin.on('error', () => {})
  child.stdin.end(options.input)
  options.running?.(child)
  return new Promise((done, failed) => {
    child.once('error', failed)
    child.once('close', (code) => done({ code, ...read }))
  })
}

export interface RunningProxy {
  readonly kafka: Address
  readonly pid: number
  /** Lines of standard error so far. */
  readonly log: readonly string[]
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>
}

/** Starts `ottla proxy` and waits for its ready line. Throws with its standard error when it ends first. */
export function startProxy(
  url: string,
  { args = [], env }: { readonly args?: readonly string[]; readonly env?: RunOptions['env'] } = {},
): Promise<RunningProxy> {
  const child = spawn(process.execPath, [LAUNCHER, 'proxy', url, '--kafka-port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment(env),
  })
  const log: string[] = []
  const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)))
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line))
  return new Promise((done, failed) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      failed(new Error(`no ready line within ${READY_WITHIN_MS} ms:\n${log.join('\n')}`))
    }, READY_WITHIN_MS)
    createInterface({ input: child.stdout }).on('line', (line) => {
      const match = READY.exec(line)
      if (match === null) return
      clearTimeout(timer)
      const kafka = { host: match[1]!, port: Number(match[2]) }
      const stop = () => {
        child.kill('SIGTERM')
        return ended
      }
      done({ kafka, pid: child.pid!, log, stop })
    })
    void ended.then((code) => {
      clearTimeout(timer)
      failed(new Error(`the proxy ended (${code}) before ready:\n${log.join('\n')}`))
    })
  })
}

/** Nothing of ours that the machine happens to have set. */
function environment(more: RunOptions['env'] = {}): NodeJS.ProcessEnv {
  const { OTTLA_SECRET: _, OTTLA_URL: __, OTTLA_KAFKA_PORT: ___, ...rest } = process.env
  return { ...rest, ...more }
}
