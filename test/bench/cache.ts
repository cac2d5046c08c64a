// Where the bench keeps what it fetches and builds once: other systems' programs and its own C programs.
// The folder is ignored by git and may be removed at any time. Not the systems' data (newFolder).

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const CACHE = resolve(import.meta.dirname, '../../.cache/bench')
const MARKER = 'made-of'

/**
 * The folder `name`, filled by `make` unless it is already filled from the same `ingredients` (versions,
 * commands, sources). What a failed attempt left is removed by the next one.
 */
export async function cached(
  name: string,
  ingredients: readonly string[],
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(CACHE, name)
  const marker = join(folder, MARKER)
  const wanted = createHash('sha256').update(JSON.stringify(ingredients)).digest('hex')
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return folder
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  await make(folder)
  writeFileSync(marker, wanted)
  return folder
}
