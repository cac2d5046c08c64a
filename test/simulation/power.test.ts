// The simulation finds bugs: each planted one is found by the seeds that are recorded for it. When a change
// of the sources has moved them, `node test/simulation/hunt.ts` records others.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Found, PLANTED } from './bugs/planted.ts'
import { edited } from './hooks.ts'

const RUN = join(import.meta.dirname, 'run.ts')
const SOURCES = join(import.meta.dirname, '../../src')
const found: Readonly<Record<string, Found>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'bugs/found.json'), 'utf8'),
)

function replay(bug: string, seeds: readonly number[]): Promise<string> {
  return new Promise((resolve) => {
    const options = ['--bug', bug, '--seed', seeds.join(), '--json']
    const maxBuffer = 16 * 1024 * 1024
    execFile(process.execPath, [RUN, ...options], { maxBuffer }, (_, stdout, stderr) => {
      resolve(stdout + stderr)
    })
  })
}

describe('planted bugs', () => {
  it('are at least fifteen, each with seeds of its own', () => {
    expect(PLANTED.length).toBeGreaterThanOrEqual(15)
    expect(PLANTED.map(({ name }) => name).toSorted()).toEqual(Object.keys(found).toSorted())
    for (const { seeds } of Object.values(found)) expect(seeds[0]).toBeLessThanOrEqual(3_000)
  })

  it.each(PLANTED)('$name still changes the source', (bug) => {
    for (const edit of bug.edits) {
      const source = readFileSync(join(SOURCES, edit.file), 'utf8')
      expect(edited(bug.name, edit, source)).not.toBe(source)
    }
  })

  it.concurrent.each(PLANTED)(
    '$name is found: $what',
    async ({ name }) => {
      const { seeds } = found[name] ?? { seeds: [] }
      const output = await replay(name, seeds)
      expect(output, 'node test/simulation/hunt.ts looks for other seeds').toContain('"invariant"')
    },
    120_000,
  )
})
