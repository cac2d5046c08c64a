// Builds the Java programs of the matrix: Maven copies a profile's jars (pom.xml), javac compiles folders
// of sources against them. Kept in the folder it is given until a source or the pom changes.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../tools.ts'
import type { Command } from '../adapter.ts'

/** A profile of pom.xml: which versions of which jars. */
export type Profile = 'client-old' | 'client-new' | 'streams' | 'tools'

/** One program: folders of sources beside this file and the class that has its `main`. */
export interface Program {
  readonly profile: Profile
  readonly sources: readonly ('adapter' | 'streams' | 'tools')[]
  readonly main: string
}

const HERE = import.meta.dirname
const MARKER = 'built'
/** Small machines run several of these beside a broker. */
const JVM = ['-Xms32m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
const QUIET = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']

/** The jars could not be had: Maven is offline, or the registry has no such version. */
export class NoJars extends Error {}

/** Builds `program` into `dir` if what is there is not of these sources, and says how to run it. */
export async function buildJava(dir: string, program: Program): Promise<Command> {
  const wanted = fingerprint(program)
  if (built(dir) !== wanted) await build(dir, program, wanted)
  const path = `${join(dir, 'classes')}:${join(dir, 'lib', '*')}`
  return { program: 'java', args: [...JVM, ...QUIET, '-cp', path, program.main] }
}

async function build(dir: string, { profile, sources }: Program, wanted: string): Promise<void> {
  const lib = join(dir, 'lib')
  const classes = join(dir, 'classes')
  for (const old of [join(dir, MARKER), lib, classes]) rmSync(old, { recursive: true, force: true })
  const copy = ['dependency:copy-dependencies', `-P${profile}`, `-DoutputDirectory=${lib}`]
  try {
    await run('mvn', ['-q', '-f', join(HERE, 'pom.xml'), ...copy])
  } catch (error) {
    throw new NoJars(`the jars of ${profile}: ${error instanceof Error ? error.message : error}`)
  }
  const options = ['-nowarn', '-Xlint:none', '-proc:none', '--release', '17']
  await run('javac', [...options, '-d', classes, '-cp', join(lib, '*'), ...files(sources)])
  writeFileSync(join(dir, MARKER), wanted)
}

function files(sources: readonly string[]): string[] {
  return sources.flatMap((folder) =>
    readdirSync(join(HERE, folder))
      .sort()
      .map((name) => join(HERE, folder, name)),
  )
}

function fingerprint({ profile, sources }: Program): string {
  const hash = createHash('sha256').update(profile)
  for (const file of [join(HERE, 'pom.xml'), ...files(sources)]) hash.update(readFileSync(file))
  return hash.digest('hex')
}

function built(dir: string): string {
  try {
    return readFileSync(join(dir, MARKER), 'utf8')
  } catch {
    return ''
  }
}
