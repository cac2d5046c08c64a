// `ottla start`: writes workerd's configuration, starts workerd, says when it is ready, and ends with
// it. No byte of a client passes through this process.

import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isLoopback } from '../core/env.ts'
import { tenantsOf } from '../core/tenants.ts'
import { type DataFolder, inUse, openDataFolder } from './data-folder.ts'
import type { StartOptions } from './flags.ts'
import { type Listeners, type ListenersResult, planListeners, thisMachine } from './listeners.ts'
import { createLog, type Log, parsePrinted, writeStderr } from './log.ts'
import { settleSecret } from './secret.ts'
import { type LocalSecurity, planSecurity } from './security.ts'
import { type LocalTier, openTierDirectory, planTier, removeLeftovers } from './tier.ts'
import { LOCK, workerdConfig } from './workerd-config.ts'
import {
  type Ended,
  findWorkerd,
  type ListenFailure,
  runWorkerd,
  type Workerd,
} from './workerd-process.ts'

/** A chosen port is tried by using it: asking first would cost time and prove nothing. */
const PORT_ATTEMPTS = 20

/** npm hands on the Ctrl-C that the terminal has sent us already: the same signal so soon is one. */
const ECHO_MS = 100

/**
 * A warm object takes 3 file descriptors and a connection two: below this many, a few thousand
 * partitions cannot be open together.
 */
const ENOUGH_FILE_DESCRIPTORS = 8_192

/** Runs the broker until it is told to stop. Answers the exit code. */
export async function start(given: StartOptions, launcher: string): Promise<number> {
  const planned = planTier(given.config, process.env)
  if (planned.kind === 'refused') return failing(given.logJson)(planned.reason)
  const { tier } = planned
  const options = { ...given, config: planned.config }
  const secret = settleSecret(options.secretFile)
  if (secret !== null) return failing(given.logJson)(secret)
  const security = await planSecurity(options, process.env)
  if (security.kind === 'refused') return failing(given.logJson)(security.reason)
  const log = createLog({
    level: options.logLevel,
    json: options.logJson,
    write: writeStderr,
    now: () => new Date(),
  })
  const fail = failing(options.logJson)
  const stopping = stopSignals()
  const binary = findWorkerd(launcher)
  if (binary === null) return fail('the workerd package has no binary for this platform')
  const folder = await openDataFolder(options.data, [...tenantsOf(options.config).names])
  if (folder.kind === 'refused') return fail(folder.reason)
  try {
    const unusable = tier?.kind === 'directory' ? openTierDirectory(tier.path, folder.path) : null
    if (unusable !== null) return fail(unusable)
    // Of a workerd that ran: whoever it served comes back to the same ports.
    let served: Listeners | null = null
    for (let attempt = 1; ; attempt++) {
      // A workerd that could not have its ports has left its lock behind.
      if (attempt > 1 && (await folder.isLocked())) return fail(inUse(folder.path))
      const plan: ListenersResult =
        served === null
          ? await planListeners(options, thisMachine(), security.isSecured)
          : { kind: 'listeners', listeners: served }
      if (plan.kind === 'refused') return fail(plan.reason)
      const listeners: Listeners = plan.listeners
      const workerd = begin({ options, listeners, folder, tier, security, launcher, binary, log })
      stopping.onSignal((again) => (again ? workerd.kill() : workerd.stop()))
      folder.settle()
      const outcome = await workerd.ready
      if (outcome === 'ready') {
        folder.ready()
        const scheme = security.tls === null ? 'http' : 'https'
        if (served === null) printReady(listeners, scheme)
        if (options.open && served === null) openInBrowser(`${scheme}://${listeners.http}/`, log)
        log('info', 'started', { data: folder.path })
        warnOfPasswordsInTheClear(listeners, security, log)
        if (tier?.kind === 'directory') void removeLeftovers(tier.path, Date.now())
        warnOfFewFileDescriptors(log)
        const end = await workerd.ended
        if (stopping.stopped()) return 0
        if (!workerd.ranOutOfFiles()) return fail(`workerd ended unexpectedly (${how(end)})`)
        log('error', 'too-many-connections', {
          message: 'no file descriptor was left, which ends workerd; it is started again',
          hard: hardFileLimit(),
          remedy: 'ulimit -Hn',
        })
        served = listeners
        continue
      }
      workerd.kill()
      await workerd.ended
      if (stopping.stopped()) return 0
      if ('code' in outcome) return fail(`workerd could not start (${how(outcome)})`)
      if (!mayRetry(outcome, listeners) || attempt === PORT_ATTEMPTS)
        return fail(reasonOf(outcome, listeners, folder.path))
    }
  } finally {
    folder.dispose()
  }
}

interface Beginning {
  readonly options: StartOptions
  readonly listeners: Listeners
  readonly folder: DataFolder
  readonly tier: LocalTier | null
  readonly security: LocalSecurity
  readonly launcher: string
  readonly binary: string
  readonly log: Log
}

function begin({
  options,
  listeners,
  folder,
  tier,
  security,
  launcher,
  binary,
  log,
}: Beginning): Workerd {
  const workerDir = join(dirname(launcher), 'worker')
  const names = readdirSync(workerDir).filter((name) => /\.(js|wasm)$/.test(name))
  // The first module is the entry.
  names.sort((a, b) => Number(b === 'index.js') - Number(a === 'index.js'))
  const openFiles = hardFileLimit()
  const configPath = folder.writeConfig(
    workerdConfig({
      options,
      listeners,
      webDir: join(dirname(launcher), 'web'),
      modules: names.map((name) => ({ name, content: readFileSync(join(workerDir, name)) })),
      objectsDir: folder.objectsDir,
      tier,
      hasSecret: security.hasSecret,
      tls: security.tls,
      oauth: security.oauth,
      ...(Number.isFinite(openFiles) ? { openFiles } : {}),
    }),
  )
  return runWorkerd({
    binary,
    configPath,
    cwd: folder.path,
    sockets: listeners.all.length + 1,
    removeAfterKill: folder.ephemeral ? folder.path : null,
    onLine: (line, stream) => relay(log, line, stream),
  })
}

/** Says in one line why nothing was started; answers the exit code. */
export function failing(json: boolean): (reason: string) => number {
  return (reason) => {
    const line = json
      ? JSON.stringify({
          time: new Date().toISOString(),
          level: 'error',
          event: 'failed',
          message: reason,
        })
      : `ottla: ${reason}`
    writeStderr(`${line}\n`)
    return 1
  }
}

/** Written at once, without loading Node's stream for it. Nobody need be reading. */
function printReady({ kafka, http }: Listeners, scheme: 'http' | 'https'): void {
  try {
    writeSync(1, `ready kafka=${kafka} http=${scheme}://${http}\n`)
  } catch {
    // Standard output is closed.
  }
}

/** Who listens to the network then knows them. */
function warnOfPasswordsInTheClear(
  { all }: Listeners,
  { isSecured, tls }: LocalSecurity,
  log: Log,
): void {
  const beyond = all.find(({ host }) => !isLoopback(host))
  if (!isSecured || tls !== null || beyond === undefined) return
  log('warn', 'passwords-in-the-clear', { host: beyond.host, remedy: '--tls-cert and --tls-key' })
}

/** By the platform's own means. Who has none reads the address. */
function openInBrowser(url: string, log: Log): void {
  const [command, ...args] = OPENERS[process.platform] ?? ['xdg-open']
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true })
  child.once('error', () => log('warn', 'no browser to open', { url }))
  child.unref()
}

const OPENERS: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', '""'],
}

interface StopSignals {
  /** Who to tell, the first time and (`again`) each later time; told at once if it is too late. */
  onSignal(listener: (again: boolean) => void): void
  stopped(): boolean
}

function stopSignals(): StopSignals {
  let count = 0
  let listener: (again: boolean) => void = () => {}
  let last = { signal: '', atMs: 0 }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const atMs = performance.now()
      const echo = signal === last.signal && atMs - last.atMs < ECHO_MS
      last = { signal, atMs }
      if (echo) return
      count++
      listener(count > 1)
    })
  }
  return {
    onSignal(next) {
      listener = next
      if (count > 0) next(count > 1)
    },
    stopped: () => count > 0,
  }
}

function relay(log: Log, line: string, stream: 'stdout' | 'stderr'): void {
  const { level, event, fields } = parsePrinted(line, stream === 'stdout' ? 'info' : 'warn')
  log(level, event, fields)
}

function isTaken(failure: ListenFailure): boolean {
  return failure.message.includes('already in use')
}

function mayRetry(failure: ListenFailure, { all }: Listeners): boolean {
  return (
    isTaken(failure) && all.some(({ name, portChosen }) => portChosen && name === failure.socket)
  )
}

function reasonOf(failure: ListenFailure, listeners: Listeners, folder: string): string {
  if (failure.socket === LOCK) {
    return isTaken(failure)
      ? inUse(folder)
      : `the data folder ${folder} cannot hold a Unix socket: ${failure.message}`
  }
  const listener = listeners.all.find(({ name }) => name === failure.socket)
  if (listener === undefined) return `cannot listen: ${failure.message}`
  const { protocol, host, port, advertised } = listener
  const flag = advertised === null ? `--${protocol}-port` : '--listen'
  return isTaken(failure)
    ? `port ${port} on ${host} is already in use; ${flag} chooses another`
    : `cannot listen on ${host} port ${port}: ${failure.message}`
}

function how(end: Ended): string {
  if (end.signal !== null) return end.signal
  return end.code === null ? 'it cannot be run' : `exit code ${end.code}`
}

/** Node has raised the soft limit to the hard one at its start, and workerd inherits both. */
function warnOfFewFileDescriptors(log: Log): void {
  const hard = hardFileLimit()
  if (hard < ENOUGH_FILE_DESCRIPTORS) {
    log('warn', 'few-file-descriptors', { hard, enough: ENOUGH_FILE_DESCRIPTORS })
  }
}

function hardFileLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8')
    const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1]
    return hard === undefined ? Number.POSITIVE_INFINITY : Number(hard)
  } catch {
    // Only Linux tells without a child process; elsewhere the limit is not known here.
    return Number.POSITIVE_INFINITY
  }
}
