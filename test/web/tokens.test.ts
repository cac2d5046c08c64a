// The colours of the console against what they lie on: text 4.5:1, what controls and lines are made of 3:1,
// in light and in dark (WCAG 2.2, 1.4.3 and 1.4.11).

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const SHEET = readFileSync(resolve(import.meta.dirname, '../../web/style/tokens.css'), 'utf8')

const PAIRS = [...SHEET.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);/g)]

const THEMES = {
  light: new Map(PAIRS.map(([, name = '', light = '']) => [name, light])),
  dark: new Map(PAIRS.map(([, name = '', , dark = '']) => [name, dark])),
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].toSorted((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

const PLAIN = ['ground', 'surface', 'sunken', 'hover']
const TEXTS: readonly (readonly [string, readonly string[]])[] = [
  ['text', [...PLAIN, 'accent-soft', 'bad-soft']],
  ['muted', [...PLAIN, 'accent-soft']],
  ['accent', [...PLAIN, 'accent-soft']],
  ['on-accent', ['accent', 'accent-hover']],
  ['on-bad', ['bad', 'bad-hover']],
  ['good', ['surface', 'good-soft']],
  ['warn', ['surface', 'warn-soft']],
  ['bad', ['surface', 'hover', 'bad-soft', 'accent-soft']],
  ['code-string', ['surface', 'sunken']],
  ['code-number', ['surface', 'sunken']],
  ['code-word', ['surface', 'sunken']],
]
const EDGES = ['ground', 'surface']

describe.each(Object.entries(THEMES))('the colours of the %s theme', (theme, colours) => {
  const of = (name: string) => {
    const colour = colours.get(name)
    if (colour === undefined) throw new Error(`the ${theme} theme has no --${name}`)
    return colour
  }

  it('can be read', () => {
    for (const [text, grounds] of TEXTS) {
      for (const ground of grounds) {
        const ratio = contrast(of(text), of(ground))
        expect(ratio, `--${text} on --${ground}`).toBeGreaterThanOrEqual(4.5)
      }
    }
  })

  it('show where controls are', () => {
    for (const ground of EDGES) {
      expect(contrast(of('edge'), of(ground)), `--edge on --${ground}`).toBeGreaterThanOrEqual(3)
      expect(contrast(of('accent'), of(ground)), `focus on --${ground}`).toBeGreaterThanOrEqual(3)
    }
  })
})

describe('a colour', () => {
  it('is said once, for both themes', () => {
    const names = [...SHEET.matchAll(/--([\w-]+):[^;]*(?:#|rgb\()/g)].map(([, name]) => name)
    expect(new Set(names).size).toBe(names.length)
    const alone = SHEET.replaceAll(/light-dark\((?:[^()]|\([^()]*\))*\)/g, '').match(
      /#[0-9a-f]{3,8}\b|rgb\(/g,
    )
    expect(alone).toBeNull()
  })
})
