// The folder that holds the data: made, checked and found free. Its layout never changes:
//   objects/ottla-<Class>/<id>.sqlite   storage of the Durable Objects, written by workerd
//   cluster-id                          whose data it is, since there is any
//   tenants                             the same of each tenant, where there were ever any
//   lock                                a Unix socket on which the workerd of this folder listens
//   workerd-<pid>.capnp                 the configuration of a start, until workerd has read it

import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { foreignCluster, type Holding } from './cluster-id.ts'
import { ALARMS_FILE, makeObjectsFolder, syncObjectsFolder } from './new-objects.ts'
import { LOCK } from './workerd-config.ts'

/** A folder that is ours to start in. */
export interface DataFolder {
  readonly kind: 'folder'
  /** Absolute. */
  readonly path: string
  readonly objectsDir: string
  readonly ephemeral: boolean
  /** True while a workerd answers on the lock; a lock that nobody answers is removed. */
  isLocked(): Promise<boolean>
  /** Writes the configuration; answers its path. */
  writeConfig(config: Uint8Array): string
  /** Has what was made for a new folder on disk: to be called when workerd has been started. */
  settle(): void
  /** Says that our workerd is ready: it has read its configuration and listens on the lock. */
  ready(): void
  /** After workerd ended: removes a temporary folder; of any other, our lock, so nobody need ask it. */
  dispose(): void
}

export interface DataFolderRefusal {
  readonly kind: 'refused'
  readonly reason: string
}

/** A killed workerd may need this long to vanish; its lock answers until then. */
const LOCK_PATIENCE_MS = 600
const LOCK_POLL_MS = 50

/**
 * Opens the folder and makes it the current one: a Unix socket's path is short (107 bytes on Linux),
 * so the lock is only ever named relative to its folder.
 * @param data as given on the command line; null for a temporary folder
 * @param tenants that are served beside main
 */
export async function openDataFolder(
  data: string | null,
  tenants: readonly string[],
): Promise<DataFolder | DataFolderRefusal> {
  let path = resolve(data ?? tmpdir())
  const remove = () => {
    if (data === null) rmSync(path, { recursive: true, force: true })
  }
  try {
    if (data === null) path = mkdtempSync(join(path, 'ottla-'))
  } catch (error) {
    return refused(`no temporary folder can be made in ${path}: ${codeOf(error)}`)
  }
  const objectsDir = join(path, 'objects')
  // Of its own: of several that start at once, each workerd must read what its launcher wrote.
  const configName = `workerd-${process.pid}.capnp`
  let isNew = false
  try {
    makeFolder(path)
    isNew = makeObjectsFolder(objectsDir)
    process.chdir(path)
    if (await isLocked()) return refused(inUse(path))
    if (lacksCluster(objectsDir)) {
      return refused(`the data folder ${path} has topics' data but not the cluster that knows them`)
    }
    const foreign = foreignCluster({ path, objectsDir, tenants })
    if (foreign !== null) return refused(foreign)
    // Proves that the folder can be written, before workerd fails on it in its own words.
    writeFileSync(configName, '', { mode: 0o600 })
  } catch (error) {
    remove()
    return refused(`the data folder ${path} is not writable: ${codeOf(error)}`)
  }
  let lock: Stats | undefined
  return {
    kind: 'folder',
    path,
    objectsDir,
    ephemeral: data === null,
    isLocked,
    writeConfig(config) {
      writeFileSync(configName, config, { mode: 0o600 })
      return join(path, configName)
    },
    settle() {
      if (isNew && data !== null) syncObjectsFolder(objectsDir)
      isNew = false
    },
    ready() {
      lock = lockFile()
      rmSync(configName, { force: true })
    },
    dispose() {
      rmSync(configName, { force: true })
      if (lock !== undefined && isSame(lock, lockFile())) {
        unlinkSync(LOCK)
        if (data !== null) noteCluster({ path, objectsDir, tenants })
      }
      remove()
    },
  }
}

/** Why a locked folder cannot be opened. */
export function inUse(path: string): string {
  return `the data folder ${path} is in use by another broker`
}

/** Of a new folder it is known at the end of its first run. Should that fail, the next start does it. */
function noteCluster(holding: Holding): void {
  try {
    foreignCluster(holding)
  } catch {
    // The folder is full, or gone.
  }
}

/** The controller's file is gone: a new controller would know none of the topics whose data is there. */
function lacksCluster(objectsDir: string): boolean {
  return !hasObjects(objectsDir, 'Cluster') && hasObjects(objectsDir, 'Partition')
}

function hasObjects(objectsDir: string, className: string): boolean {
  const folder = join(objectsDir, `ottla-${className}`)
  // The runtime's own record of alarms is there without any object.
  return (
    existsSync(folder) &&
    readdirSync(folder).some((name) => name.endsWith('.sqlite') && name !== ALARMS_FILE)
  )
}

/** Makes a folder and those above it. Node's own recursive way never returns below /proc. */
export function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  mkdirSync(path, { mode: 0o700 })
}

/**
 * True while a workerd answers on the lock. A lock that nobody answers is removed; but never one that
 * was replaced since we asked, because then somebody has just started.
 */
async function isLocked(): Promise<boolean> {
  const before = lockFile()
  if (before === undefined) return false
  for (let waitedMs = 0; await answers(); waitedMs += LOCK_POLL_MS) {
    if (waitedMs >= LOCK_PATIENCE_MS) return true
    await new Promise((done) => setTimeout(done, LOCK_POLL_MS))
  }
  const now = lockFile()
  if (now === undefined) return false
  if (!isSame(before, now)) return true
  unlinkSync(LOCK)
  return false
}

function lockFile(): Stats | undefined {
  return lstatSync(LOCK, { throwIfNoEntry: false })
}

function isSame(a: Stats, b: Stats | undefined): boolean {
  return a.ino === b?.ino && a.ctimeMs === b.ctimeMs
}

/** True when somebody listens on the lock of the current folder. */
export async function answers(): Promise<boolean> {
  const { createConnection } = await import('node:net')
  return new Promise((done) => {
    const socket = createConnection(LOCK)
    socket.once('connect', () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })
}

function refused(reason: string): DataFolderRefusal {
  return { kind: 'refused', reason }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code)
  throw error
}
