// Where the folders of brokers for tests are. Not what is in them.

import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { TEST_MEMORY_BYTES } from './limits.ts'

/** A disk in memory, which Linux has. What a killed process wrote to it is still there. */
const MEMORY = '/dev/shm'

/**
 * A folder for folders: in memory, where no commit waits for a disk and a start takes a fifth less, unless somebody says
 * where (`TMPDIR`) or there is too little of it, as in many containers.
 */
export function temporaryFolder(): string {
  if (process.platform !== 'linux' || process.env.TMPDIR !== undefined) return tmpdir()
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize >= TEST_MEMORY_BYTES ? MEMORY : tmpdir()
  } catch {
    return tmpdir()
  }
}
