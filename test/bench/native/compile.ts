// Compiles the C programs of this folder with the machine's compiler, once, into the bench's cache. Headers
// and static libraries that are not installed are unpacked there from Debian's packages.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cached } from '../cache.ts'
import { run } from '../processes.ts'

/** A library that a program is linked with. */
interface Library {
  /** Debian's package of its header. */
  readonly debian: string
  readonly header: string
  readonly flags: readonly string[]
}

const LIBRARIES = {
  librdkafka: {
    debian: 'librdkafka-dev',
    header: 'librdkafka/rdkafka.h',
    // The shared library comes with kcat; the development package's link to it may not be there.
    flags: ['-l:librdkafka.so.1'],
  },
  lz4: { debian: 'liblz4-dev', header: 'lz4frame.h', flags: ['-l:liblz4.a'] },
} as const satisfies Readonly<Record<string, Library>>

/** The path of the program that `NAME.c` is compiled to. Rejects when it cannot be. */
export async function compiled(name: string, library?: keyof typeof LIBRARIES): Promise<string> {
  const source = join(import.meta.dirname, `${name}.c`)
  const flags = ['-O3', '-Wall', '-pthread']
  const linked =
    library === undefined ? { compile: [], link: [] } : await flagsOf(LIBRARIES[library])
  const ingredients = [readFileSync(source, 'utf8'), ...flags, ...linked.compile, ...linked.link]
  const folder = await cached(name, ingredients, async (into) => {
    await run('cc', [...flags, ...linked.compile, '-o', join(into, name), source, ...linked.link])
  })
  return join(folder, name)
}

async function flagsOf({ debian, header, flags }: Library) {
  if (existsSync(join('/usr/include', header))) return { compile: [], link: flags }
  const folder = await cached(debian, [debian], async (into) => {
    await run('apt-get', ['download', debian], { cwd: into })
    await run('sh', ['-c', 'dpkg-deb -x *.deb .'], { cwd: into })
  })
  const triplet = (await run('cc', ['-print-multiarch'])).trim()
  return {
    compile: [`-I${join(folder, 'usr/include')}`],
    link: [`-L${join(folder, 'usr/lib', triplet)}`, ...flags],
  }
}
