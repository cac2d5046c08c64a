// Child processes of the bench: every one is ended by its id, also when the bench itself ends early.
// Not the broker (test/clients/broker.ts starts it where nothing about its start is measured).

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * Starts a process whose fourth stream (index 3) is a pipe to be read.
 * @param env what it is given beside our own environment
 */
export function start(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** Sends the signal and waits for the end. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise<void>((done) => child.once('exit', () => done()))
  child.kill(signal)
  await exited
}

const others = new Set<() => Promise<void>>()

/** Has `stop` called by endLeftovers too, for a process that was not started here; gives the stop to use. */
export function endedBy(stop: () => Promise<void>): () => Promise<void> {
  const once = () => {
    others.delete(once)
    return stop()
  }
  others.add(once)
  return once
}

/** Ends whatever still runs: what a measurement that failed halfway has left. */
export async function endLeftovers(): Promise<void> {
  await Promise.all([...running].map((child) => end(child, 'SIGKILL')))
  await Promise.all([...others].map((stop) => stop()))
}

/** The process ended with a failure, or could not be run at all. */
export class RunFailed extends Error {}

/** Runs a program to its end and gives what it printed. */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  return new Promise((done, failed) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
    })
    running.add(child)
    let printed = ''
    let complaints = ''
    child.stdout.on('data', (text: Buffer) => {
      printed += text.toString()
    })
    child.stderr.on('data', (text: Buffer) => {
      complaints += text.toString()
    })
    child.once('error', (error) => failed(new RunFailed(error.message)))
    child.once('close', (code, signal) => {
      running.delete(child)
      if (code === 0) done(printed)
      else failed(new RunFailed(`${command} ended (${code ?? signal}): ${complaints.slice(-500)}`))
    })
  })
}

/**
 * Has the kernel write what it holds back. To be called before the turn of a system that syncs: else it
 * would wait for the pages of one that does not.
 */
export async function writeBack(): Promise<void> {
  await run('sync', [])
}

/** A port of 127.0.0.1 that was free a moment ago, for servers that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Nothing that is started here takes so long, even on a busy machine. */
const READY_WITHIN_MS = 60_000

/**
 * Resolves with the first lines on the stream that match; rejects when the process ends before, and ends it
 * when they do not come.
 */
export function firstLine(
  child: ChildProcess,
  stream: 1 | 2 | 3,
  pattern: RegExp,
): Promise<RegExpExecArray> {
  return new Promise((done, failed) => {
    const readable = child.stdio[stream] as NodeJS.ReadableStream
    let printed = ''
    let complaints = ''
    readable.setEncoding('utf8')
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      failed(new Error(`${child.spawnfile} was not ready within ${READY_WITHIN_MS} ms: ${printed}`))
    }, READY_WITHIN_MS)
    readable.on('data', (text: string) => {
      printed += text
      const match = pattern.exec(printed)
      if (match === null) return
      clearTimeout(timer)
      done(match)
    })
    child.stderr?.on('data', (text: Buffer | string) => {
      complaints += text.toString()
    })
    child.once('error', (error) => {
      clearTimeout(timer)
      failed(error)
    })
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      failed(new Error(`${child.spawnfile} ended (${code ?? signal}): ${complaints}`))
    })
  })
}

let folder: string | undefined
let folders = 0

/** A new empty folder, removed when the bench ends. All are on one disk, so that none is faster. */
export function newFolder(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'ottla-bench-'))
    process.on('exit', () => rmSync(made, { recursive: true, force: true, maxRetries: 3 }))
    folder = made
  }
  folders++
  return mkdtempSync(join(folder, `${folders}-`))
}

/** A Node on this machine: its binary and its version such as `v24.21.0`. */
export interface NodeBinary {
  readonly path: string
  readonly version: string
}

/** The Node that runs this, and others on PATH whose major version differs, newest first. */
export async function nodeBinaries(): Promise<NodeBinary[]> {
  const found = new Map([
    [majorOf(process.version), { path: process.execPath, version: process.version }],
  ])
  const folders = (process.env.PATH ?? '').split(delimiter).filter((each) => each !== '')
  const seen = new Set([realpathSync(process.execPath)])
  for (const each of folders) {
    const path = nodeIn(each)
    if (path === null || seen.has(path)) continue
    seen.add(path)
    const child = start(path, ['--version'])
    const [version] = await firstLine(child, 1, /v\d+\.\d+\.\d+/)
    await end(child, 'SIGTERM')
    if (!found.has(majorOf(version))) found.set(majorOf(version), { path, version })
  }
  return [...found.values()].toSorted((a, b) => majorOf(b.version) - majorOf(a.version))
}

function nodeIn(path: string): string | null {
  try {
    return readdirSync(path).includes('node') ? realpathSync(join(path, 'node')) : null
  } catch {
    // PATH may name folders that are not there.
    return null
  }
}

function majorOf(version: string): number {
  return Number(/\d+/.exec(version)?.[0])
}
