// A disk of a few megabytes that a broker fills: a file system in memory, mounted where only the broker's own
// processes see it, so that nothing of it stays behind. Linux that lets a user make such a namespace, or root.

import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../clients/broker.ts'

const PAGE_BYTES = 4_096

/** Why no such disk can be had here; null when it can. */
export function noSmallDisk(): string | null {
  if (process.platform !== 'linux') return 'only on Linux'
  const folder = mkdtempSync(join(tmpdir(), 'ottla-disk-'))
  const [command = '', ...args] = [...mounting(folder, 1), 'true']
  const tried = spawnSync(command, args, { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  if (tried.error !== undefined) return `${command} is not installed`
  return tried.status === 0 ? null : `no file system can be mounted: ${tried.stderr.trim()}`
}

/** A broker alone on a disk of its own. */
export interface OnSmallDisk {
  readonly broker: Broker
  /** Writes a file beside the data. */
  takeRoom(bytes: number): void
  /** Makes that file as large as the disk allows. */
  takeAllRoom(): void
  /** Removes that file. */
  makeRoom(): void
  /** Ends the broker; the disk and all that is on it are gone. */
  stop(): Promise<void>
}

/** Starts a broker with its data on an empty disk of this size. */
export async function startOnSmallDisk(
  bytes: number,
  args: readonly string[] = [],
): Promise<OnSmallDisk> {
  const folder = mkdtempSync(join(tmpdir(), 'ottla-disk-'))
  const broker = await startBroker({
    data: join(folder, 'data'),
    args,
    under: mounting(folder, bytes),
  })
  // The broker's own view of the folder: from here the one without the disk is seen.
  const ballast = join(`/proc/${broker.pid}/root`, folder, 'ballast')
  return {
    broker,
    takeRoom: (taken) => writeFileSync(ballast, Buffer.alloc(taken, 1)),
    takeAllRoom() {
      try {
        for (;;) appendFileSync(ballast, Buffer.alloc(PAGE_BYTES, 1))
      } catch (error) {
        if (!String(error).includes('ENOSPC')) throw error
      }
    },
    makeRoom: () => rmSync(ballast),
    async stop() {
      await broker.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Runs what follows it in the same process, with a disk mounted over a folder. */
function mounting(folder: string, bytes: number): string[] {
  const mount = `mount -t tmpfs -o size=${bytes} tmpfs '${folder}' && exec "$@"`
  return ['unshare', '--map-root-user', '--mount', 'sh', '-c', mount, 'sh']
}
