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
  const programs = await environment(folder, join(import.meta.dirname, requirements))
  return {
    program: join(programs, 'python'),
    args: [join(import.meta.dirname, adapter)],
    env: { PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1' },
  }
}

/** Where the programs are of a virtual environment, made in `folder`, that has what the file `wanted` pins. */
export async function environment(folder: string, wanted: string): Promise<string> {
  const installed = join(folder, 'installed.txt')
  const path = join(folder, 'venv')
  const programs = join(path, 'bin')
  if ((await text(wanted)) !== (await text(installed))) {
    await rm(path, { recursive: true, force: true })
    await run('python3', ['-m', 'venv', path])
    await install(join(programs, 'python'), wanted)
    await copyFile(wanted, installed)
  }
  return programs
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
