// Makes the franz-go adapter runnable: `go build` with what go.mod and go.sum pin. Its own cache makes a
// second build quick. Not the adapter, which is the .go files.

import { join } from 'node:path'
import { run } from '../../tools.ts'
import type { Command } from '../adapter.ts'

/** This folder, the Go module. */
export const MODULE = import.meta.dirname

/** The modules could not be had: the module proxy is not reachable, or has no such version. */
export class NoModules extends Error {}

/** Builds the adapter into `folder` and says how to run it. */
export async function go(folder: string): Promise<Command> {
  try {
    await run('go', ['-C', MODULE, 'mod', 'download'])
  } catch (error) {
    throw new NoModules(error instanceof Error ? error.message : String(error))
  }
  const program = join(folder, 'adapter')
  await run('go', ['-C', MODULE, 'build', '-mod=readonly', '-o', program, '.'])
  return { program, args: [] }
}
