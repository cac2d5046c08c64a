// The clients of the matrix. To add one, add an entry to CLIENTS:
//   name      as in `--client` and in the table's first column, such as `java-4.1`
//   version   what is prepared; the adapter's own word (hello) is what the report prints
//   fast      true when it is prepared in seconds and belongs to `--fast`
//   prepare   makes it runnable and gives the command of its adapter (protocol.ts). Builds and
//             downloads go to `buildDir(name)`, which git ignores and which is kept between runs:
//             do nothing there when the marker that you write last is already there. Throw an
//             `Absent` when a toolchain or a package registry is not available.
// Adapters live in javascript/, java/, python/ and go/ of this folder.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { hasTool } from '../tools.ts'
import type { Command } from './adapter.ts'
import { go, NoModules } from './go/prepare.ts'
import { buildJava, NoJars, type Program } from './java/build.ts'
import { CannotBuild, native } from './native/prepare.ts'
import { NoPackages, python } from './python/prepare.ts'

/** A client that cannot run on this machine, and why. */
export class Absent extends Error {}

export interface Client {
  readonly name: string
  readonly version: string
  readonly fast: boolean
  prepare(): Promise<Command> | Command
}

/** This folder. */
export const MATRIX = import.meta.dirname

/** The folder where a client's build is kept. */
export function buildDir(name: string): string {
  const path = join(MATRIX, '.build', name)
  mkdirSync(path, { recursive: true })
  return path
}

/** Throws `Absent` unless all programs are on PATH. */
export function needs(...programs: readonly string[]): void {
  const missing = programs.filter((name) => !hasTool(name))
  if (missing.length > 0) throw new Absent(`${missing.join(' and ')} not found on PATH`)
}

const CLIENT = { sources: ['adapter'], main: 'adapter.Adapter' } as const
const TOOLS: Program = {
  profile: 'tools',
  sources: ['adapter', 'tools'],
  main: 'tools.ToolsAdapter',
}
const STREAMS: Program = {
  profile: 'streams',
  sources: ['adapter', 'streams'],
  main: 'streams.StreamsAdapter',
}

export const CLIENTS: readonly Client[] = [
  {
    name: 'kafkajs',
    version: '2.2.4',
    fast: true,
    prepare: () => javascript('kafkajs.ts'),
  },
  {
    name: 'platformatic',
    version: '2.12.1',
    fast: true,
    prepare: () => javascript('platformatic.ts'),
  },
  {
    name: 'kcat',
    version: '1.7.1',
    fast: true,
    prepare: () => {
      needs('kcat')
      return javascript('kcat.ts')
    },
  },
  {
    name: 'confluent-kafka',
    version: '2.16.1',
    fast: true,
    prepare: () => withPython('confluent-kafka', 'confluent_kafka_adapter.py'),
  },
  {
    name: 'kafka-python-2',
    version: '2.0.2',
    fast: false,
    prepare: () => withPython('kafka-python-2', 'kafka_python_adapter.py'),
  },
  {
    name: 'kafka-python-3',
    version: '3.0.12',
    fast: false,
    prepare: () => withPython('kafka-python-3', 'kafka_python_adapter.py'),
  },
  {
    name: 'franz-go',
    version: '1.22.3',
    fast: true,
    prepare: withGo,
  },
  {
    name: 'kafka-javascript',
    version: '1.10.1',
    fast: false,
    prepare: withNative,
  },
  {
    name: 'java-3.9',
    version: '3.9.2',
    fast: false,
    prepare: () => java('java-3.9', { profile: 'client-old', ...CLIENT }),
  },
  {
    name: 'java-4',
    version: '4.4.0',
    fast: true,
    prepare: () => java('java-4', { profile: 'client-new', ...CLIENT }),
  },
  {
    name: 'kafka-tools',
    version: '4.1.1',
    fast: false,
    prepare: () => java('kafka-tools', TOOLS),
  },
  {
    name: 'kafka-streams',
    version: '4.4.0',
    fast: false,
    prepare: () => java('kafka-streams', STREAMS),
  },
]

function javascript(file: string): Command {
  return { program: process.execPath, args: [join(MATRIX, 'javascript', file)] }
}

async function withPython(name: string, adapter: string): Promise<Command> {
  needs('python3')
  try {
    return await python(buildDir(name), `${name}.txt`, adapter)
  } catch (error) {
    throw error instanceof NoPackages ? new Absent(error.message) : error
  }
}

async function withGo(): Promise<Command> {
  needs('go')
  try {
    return await go(buildDir('franz-go'))
  } catch (error) {
    throw error instanceof NoModules ? new Absent(error.message) : error
  }
}

async function withNative(): Promise<Command> {
  needs('npm', 'make', 'gcc', 'g++', 'python3')
  try {
    return await native(buildDir('kafka-javascript'))
  } catch (error) {
    throw error instanceof CannotBuild ? new Absent(error.message) : error
  }
}

async function java(name: string, program: Program): Promise<Command> {
  needs('java', 'javac', 'mvn')
  try {
    return await buildJava(buildDir(name), program)
  } catch (error) {
    throw error instanceof NoJars ? new Absent(error.message) : error
  }
}
