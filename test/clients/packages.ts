// Real records: the stanzas of Debian's package indexes as `apt-get update` leaves them, keyed by
// package name. The indexes of updates and security come last, so that names repeat with newer
// versions, as in a changelog topic.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { absent, needs, run } from './tools.ts'

const LISTS = '/var/lib/apt/lists'
const INDEX = /_main_binary-amd64_Packages(\.lz4)?$/
const TRANSLATIONS = {
  ja: /_main_i18n_Translation-ja(\.lz4)?$/,
  de: /_main_i18n_Translation-de(\.lz4)?$/,
} as const

/** One stanza: the package's name and the whole text. */
export interface Stanza {
  readonly key: string
  readonly value: string
}

/** All stanzas (tens of thousands), or leaves the scenario out where the lists are absent. */
export async function packageStanzas(context: TestContext): Promise<Stanza[]> {
  const names = present(context, INDEX, 'a Debian package index')
  stanzas ??= Promise.all(names.map(readIndex)).then((texts) => texts.flatMap(parse))
  return stanzas
}

/**
 * The descriptions of packages in Japanese or German (thousands), as `apt-get -o Acquire::Languages=ja,de update`
 * leaves them; leaves the scenario out where they are absent.
 */
export async function descriptions(context: TestContext, language: 'ja' | 'de'): Promise<Stanza[]> {
  const names = present(context, TRANSLATIONS[language], `Debian's Translation-${language}`)
  return (await Promise.all(names.map(readIndex))).flatMap(parse)
}

/** Read once for all scenarios of a file. */
let stanzas: Promise<Stanza[]> | undefined

function present(context: TestContext, pattern: RegExp, what: string): string[] {
  const names = namesOf(pattern)
  if (names.length === 0) absent(context, `${what} in ${LISTS}`)
  if (names.some((name) => name.endsWith('.lz4'))) needs(context, 'lz4')
  return names
}

function namesOf(pattern: RegExp): string[] {
  try {
    const names = readdirSync(LISTS).filter((name) => pattern.test(name))
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
