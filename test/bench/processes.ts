// Child processes of the bench: every one is ended by its id, also when the bench itself ends early.
// Not the broker (test/clients/broker.ts starts it where nothing about its start is measured).

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a process whose fourth stream (index 3) is a pipe to be read. */
export function start(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
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

/** Resolves with the first line on the stream that matches; rejects when the process ends before. */
export function firstLine(
  child: ChildProcess,
  stream: 1 | 3,
  pattern: RegExp,
): Promise<RegExpExecArray> {
  return new Promise((done, failed) => {
    const readable = child.stdio[stream] as NodeJS.ReadableStream
    let printed = ''
    let complaints = ''
    readable.setEncoding('utf8')
    readable.on('data', (text: string) => {
      printed += text
      const match = pattern.exec(printed)
      if (match !== null) done(match)
    })
    child.stderr?.on('data', (text: Buffer) => {
      complaints += text.toString()
    })
    child.once('error', failed)
    child.once('exit', (code, signal) => {
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
