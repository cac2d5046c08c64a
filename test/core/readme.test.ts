import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { acceptedNotActedOn } from '../../src/core/configs.ts'

describe('README', () => {
  it('lists exactly the configurations that are accepted and not yet acted on', () => {
    const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
    const [, section = ''] = /<!-- accepted -->([\s\S]*)<!-- \/accepted -->/.exec(readme) ?? []
    const listed = [...section.matchAll(/`([^`]+)`/g)].map(([, name]) => name)
    expect(listed).toEqual(acceptedNotActedOn())
  })
})
