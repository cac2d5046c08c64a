// What the console weighs as it is built: the first load, and what comes later, packed as a network would.

import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { beforeAll, describe, expect, it } from 'vitest'

const WEB = resolve(import.meta.dirname, '../../web')
const FIRST_LOAD_MAX = 60 * 1024
const LATER_MAX = 40 * 1024

const weights = new Map<string, number>()
let page = ''

beforeAll(async () => {
  const built = await build({
    configFile: resolve(WEB, 'vite.config.ts'),
    logLevel: 'error',
    build: { write: false },
  })
  if (!('output' in built)) throw new Error('the build gave no files')
  for (const file of built.output) {
    const text = file.type === 'chunk' ? file.code : file.source
    weights.set(file.fileName, gzipSync(text).length)
    if (file.fileName === 'index.html') page = String(text)
  }
}, 60_000)

describe('the console', () => {
  const isFirst = (name: string) => name === 'index.html' || page.includes(name)

  it('loads at most 60 KiB before it shows something', () => {
    const first = [...weights].filter(([name]) => isFirst(name))
    expect(first.map(([name]) => name.split('.').at(-1)).toSorted()).toEqual(['css', 'html', 'js'])
    expect(first.reduce((sum, [, bytes]) => sum + bytes, 0)).toBeLessThanOrEqual(FIRST_LOAD_MAX)
  })

  it('loads at most 40 KiB for whatever comes later', () => {
    const later = [...weights].filter(([name]) => !isFirst(name))
    expect(later.length).toBeGreaterThan(0)
    for (const [name, bytes] of later) expect(bytes, name).toBeLessThanOrEqual(LATER_MAX)
  })

  it('loads from nowhere else', () => {
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//)
  })
})

describe('the style sheet', () => {
  const sheets = readdirSync(resolve(WEB, 'style')).filter((name) => name.endsWith('.css'))
  const read = (name: string) => readFileSync(resolve(WEB, 'style', name), 'utf8')

  it('has its sizes of text and its colours in one file', () => {
    const sizes = read('tokens.css').match(/--text-\d: /g) ?? []
    expect(sizes.length).toBeLessThanOrEqual(5)
    for (const name of sheets.filter((one) => one !== 'tokens.css')) {
      expect(read(name).match(/#[0-9a-f]{3,8}\b|\b(rgb|hsl|oklch)a?\(/gi), name).toBeNull()
      const others = (read(name).match(/font-size: (?!var\(--text-)[^;]+/g) ?? []).filter(
        (size) => !size.endsWith('inherit'),
      )
      expect(others, name).toEqual([])
    }
  })

  it('keeps to a grid of 4 pixels', () => {
    for (const name of sheets.filter((one) => one !== 'tokens.css')) {
      const spaces = read(name).match(/(?:padding|margin|gap)[\w-]*:[^;]+/g) ?? []
      const odd = spaces.filter((rule) =>
        [...rule.matchAll(/(\d+)px/g)].some(([, px]) => Number(px) % 4 !== 0 && Number(px) > 2),
      )
      expect(odd, name).toEqual([])
    }
  })

  it('takes its letters from the system', () => {
    for (const name of sheets) expect(read(name)).not.toMatch(/@font-face|url\(/)
  })
})
