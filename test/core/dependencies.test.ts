// What is installed is what was chosen: exact versions, a lock file with the digest of every package, one runtime
// dependency, and no package that runs a script when it is installed but the one that is allowed to.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly allowScripts: Readonly<Record<string, boolean>>
}

interface Locked {
  readonly version?: string
  readonly integrity?: string
  readonly hasInstallScript?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const read = <T>(file: string): T =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../..', file), 'utf8')) as T

const manifest = read<Manifest>('package.json')
const { packages } = read<{ packages: Readonly<Record<string, Locked>> }>('package-lock.json')
const pins = { ...manifest.dependencies, ...manifest.devDependencies }

describe('dependencies', () => {
  it.each(Object.entries(pins))('%s is pinned to one version: %s', (name, version) => {
    expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/)
    expect(packages[`node_modules/${name}`]?.version).toBe(version)
  })

  it('are in the lock file as in package.json', () => {
    expect(packages['']?.dependencies).toEqual(manifest.dependencies)
    expect(packages['']?.devDependencies).toEqual(manifest.devDependencies)
  })

  it('all have a digest that is checked when they are installed', () => {
    const without = Object.entries(packages)
      .filter(([path, { integrity }]) => path !== '' && !integrity?.startsWith('sha512-'))
      .map(([path]) => path)
    expect(without).toEqual([])
  })

  it('of what is published are one', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['workerd'])
  })

  it('run a script at installation only where that was decided', () => {
    const scripts = Object.entries(packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([path]) => path.replace(/^.*node_modules\//, ''))
    expect(scripts.filter((name) => !(name in manifest.allowScripts))).toEqual([])
  })
})
