// One workerd: found, started in a process group of its own, watched and ended. What its lines mean
// is in log.ts, what it is told to do in workerd-config.ts.

import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import type { Readable, Writable } from 'node:stream'

/** Open TCP connections keep workerd from ending for ever after SIGTERM. */
const TERM_PATIENCE_MS = 2_000

/** How workerd says that it cannot accept a connection; it ends then, whatever else it serves. */
const OUT_OF_FILES = /accept\b.*Too many open files/

/** How workerd ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Why workerd cannot listen on one of its sockets, in its words. */
export interface ListenFailure {
  readonly socket: string
  readonly message: string
}

export interface Workerd {
  /** Resolves once, when all sockets accept or when it ended without. */
  readonly ready: Promise<'ready' | ListenFailure | Ended>
  readonly ended: Promise<Ended>
  /** Whether it said that it had no file descriptor left for a connection, with which it ends. */
  ranOutOfFiles(): boolean
  /** SIGTERM, and SIGKILL when it is still there after two seconds. */
  stop(): void
  /** SIGKILL at once. */
  kill(): void
}

export interface WorkerdRun {
  readonly binary: string
  readonly configPath: string
  readonly cwd: string
  /** How many sockets will report that they listen. */
  readonly sockets: number
  /** A folder that must not outlive workerd when this process is killed; null for none. */
  readonly removeAfterKill: string | null
  /** A line workerd printed, on standard output or error. */
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void
}

/** Path of this platform's workerd, installed beside this package; null when there is none. */
export function findWorkerd(fromFile: string): string | null {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@cloudflare/workerd-${platform}-${process.arch === 'x64' ? '64' : process.arch}`
  const file = process.platform === 'win32' ? 'workerd.exe' : 'workerd'
  try {
    // The binary that this version of workerd depends on, which need not be the one at the top.
    const workerd = createRequire(fromFile).resolve('workerd')
    return createRequire(workerd).resolve(`${name}/bin/${file}`)
  } catch {
    return null
  }
}

/**
 * A shell that leaves a watcher behind and becomes workerd. The watcher waits on a pipe (4) that only
 * the launcher holds: when the launcher dies, even by SIGKILL, the pipe ends and workerd is killed.
 * A line on the pipe calls the watcher off. It outlives signals that are meant for workerd.
 */
const BECOME_WORKERD = `remove=$1; shift
{ trap '' HUP INT TERM
  read -r _ <&4 || { kill -s KILL $$; [ -z "$remove" ] || { sleep 0.1; rm -rf -- "$remove"; }; }
} >/dev/null 2>&1 3>&- &
exec "$@" 4<&-`

/** Starts workerd. A binary that cannot be run shows as an end with the shell's exit code. */
export function runWorkerd(run: WorkerdRun): Workerd {
  const workerd = [run.binary, 'serve', '--binary', '--control-fd=3', run.configPath]
  const child = spawn(
    '/bin/sh',
    ['-c', BECOME_WORKERD, 'ottla', run.removeAfterKill ?? '', ...workerd],
    { cwd: run.cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'] },
  )
  const watch = child.stdio[4] as Writable
  // The watcher may be gone before us, when somebody kills all there is.
  watch.on('error', () => {})
  const ended = new Promise<Ended>((done) => {
    child.once('exit', (code, signal) => done({ code, signal }))
    child.once('error', () => done({ code: null, signal: null }))
  })
  let isOutOfFiles = false
  const onLine: WorkerdRun['onLine'] = (line, stream) => {
    isOutOfFiles ||= stream === 'stderr' && OUT_OF_FILES.test(line)
    run.onLine(line, stream)
  }
  const calledOff = ended.then((end) => {
    watch.end('done\n')
    return end
  })
  return {
    ready: Promise.race([whenReady(child, { ...run, onLine }), calledOff]),
    ended: calledOff,
    ranOutOfFiles: () => isOutOfFiles,
    stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), TERM_PATIENCE_MS)
      child.once('exit', () => clearTimeout(timer))
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

/** Reads the control pipe and the output until all sockets listen or one cannot. */
function whenReady(child: ChildProcess, run: WorkerdRun): Promise<'ready' | ListenFailure> {
  const [, stdout, stderr, control] = child.stdio as unknown as readonly Readable[]
  return new Promise((done) => {
    const listening = new Set<string>()
    if (control === undefined || stdout === undefined || stderr === undefined) return
    eachLine(control, (line) => {
      const { event, socket } = JSON.parse(line) as { event?: string; socket?: string }
      if (event === 'listen' && socket !== undefined) listening.add(socket)
      if (listening.size === run.sockets) done('ready')
    })
    eachLine(stdout, (line) => run.onLine(line, 'stdout'))
    eachLine(stderr, (line) => {
      const failure = /^Socket "([^"]+)": (.*)$/.exec(line)
      if (failure === null) run.onLine(line, 'stderr')
      else done({ socket: failure[1] ?? '', message: failure[2] ?? '' })
    })
  })
}

function eachLine(stream: Readable, onLine: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') onLine(line)
  })
  stream.once('end', () => {
    if (rest !== '') onLine(rest)
  })
}
