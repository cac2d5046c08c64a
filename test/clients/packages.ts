// Real records: the stanzas of Debian's package indexes as `apt-get update` leaves them, keyed by
// package name. The indexes of updates and security come last, so that names repeat with newer
// versions, as in a changelog topic.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { absent, needs, run } from './tools.ts'

const LISTS = '/var/lib/apt/lists'
const INDEX = /_main_binary-amd64_Packages(\.lz4)?$/

/** One stanza: the package's name and the whole text. */
export interface Stanza {
  readonly key: string
  readonly value: string
}

/** All stanzas (tens of thousands), or leaves the scenario out where the lists are absent. */
export async function packageStanzas(context: TestContext): Promise<Stanza[]> {
  const names = indexNames()
  if (names.length === 0) absent(context, `a Debian package index in ${LISTS}`)
  if (names.some((name) => name.endsWith('.lz4'))) needs(context, 'lz4')
  stanzas ??= Promise.all(names.map(readIndex)).then((texts) => texts.flatMap(parse))
  return stanzas
}

/** Read once for all scenarios of a file. */
let stanzas: Promise<Stanza[]> | undefined

function indexNames(): string[] {
  try {
    const names = readdirSync(LISTS).filter((name) => INDEX.test(name))
    return names.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  } catch {
    return []
  }
}

function rank(name: string): number {
  return name.includes('security') ? 2 : name.includes('updates') ? 1 : 0
}

async function readIndex(name: string): Promise<string> {
  const file = join(LISTS, name)
  if (!name.endsWith('.lz4')) return readFileSync(file, 'utf8')
  return (await run('lz4', ['-dc', file])).toString('utf8')
}

function parse(text: string): Stanza[] {
  return text
    .split('\n\n')
    .filter((stanza) => stanza.startsWith('Package: '))
    .map((value) => ({ key: value.slice(9, value.indexOf('\n')), value }))
}
