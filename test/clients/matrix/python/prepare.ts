// Makes a Python client runnable: a virtual environment in a build folder with the exact versions of a
// requirements file, made anew when that file has changed. Not the adapters, which are the .py files.

import { copyFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../tools.ts'
import type { Command } from '../adapter.ts'

/** The packages could not be had: the registry is not reachable, or has no such version. */
export class NoPackages extends Error {}

/** The command of `adapter` (a file of this folder) with what `requirements` (another) pins. */
export async function python(
  folder: string,
  requirements: string,
  adapter: string,
): Promise<Command> {
  const wanted = join(import.meta.dirname, requirements)
  const installed = join(folder, 'installed.txt')
  const environment = join(folder, 'venv')
  const program = join(environment, 'bin', 'python')
  if ((await text(wanted)) !== (await text(installed))) {
    await rm(environment, { recursive: true, force: true })
    await run('python3', ['-m', 'venv', environment])
    await install(program, wanted)
    await copyFile(wanted, installed)
  }
  return {
    program,
    args: [join(import.meta.dirname, adapter)],
    env: { PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1' },
  }
}

async function install(program: string, requirements: string): Promise<void> {
  try {
    await run(program, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements])
  } catch (error) {
    throw new NoPackages(error instanceof Error ? error.message : String(error))
  }
}

async function text(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return undefined
  }
}
