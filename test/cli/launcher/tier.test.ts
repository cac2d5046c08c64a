import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { ANY_PORTS, Run } from './run.ts'

const root = mkdtempSync(join(tmpdir(), 'ottla-launcher-tier-'))
const runs: Run[] = []

afterEach(async () => {
  await Promise.all(runs.splice(0).map((run) => run.stop()))
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

/** With `set` as its configuration, on a data folder of its own below the root. */
function start(name: string, set: readonly string[], env: Record<string, string> = {}) {
  const data = join(root, name, 'data')
  const flags = set.flatMap((entry) => ['--set', entry])
  const none = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }
  const run = new Run([...ANY_PORTS, '--data', data, ...flags], {
    cwd: root,
    env: { ...none, ...env },
  })
  runs.push(run)
  return { run, data }
}

const S3 = ['ottla.tier.s3.endpoint=http://127.0.0.1:9', 'ottla.tier.s3.bucket=logs']

describe('a tier that cannot be', () => {
  it.each([
    [
      'two',
      [...S3, 'ottla.tier.dir=t'],
      /^ottla: --set: ottla.tier.dir and .* exclude each other$/,
    ],
    ['url', ['ottla.tier.s3.endpoint=s3.example.com'], /^ottla: --set: .* must be an origin/],
    ['credentials', S3, /^ottla: .* needs credentials: AWS_ACCESS_KEY_ID and .* are not set$/],
    ['bucket', S3.slice(0, 1), /^ottla: --set: .* needs ottla.tier.s3.bucket$/],
    [
      'unset',
      ['remote.log.storage.system.enable=true'],
      /^ottla: --set: .* needs ottla.tier.dir or/,
    ],
    ['inside', ['ottla.tier.dir=inside/data/tier'], /^ottla: .* must lie apart$/],
    ['same', ['ottla.tier.dir=same/data'], /^ottla: .* must lie apart$/],
    ['above', ['ottla.tier.dir=above'], /^ottla: .* must lie apart$/],
    [
      'unwritable',
      ['ottla.tier.dir=/proc/tier'],
      /^ottla: ottla.tier.dir \/proc\/tier is not writable/,
    ],
  ])('is refused in one line: %s', async (name, set, line) => {
    const { code, stdout, stderr } = await start(name, set).run.ended
    expect(stderr.trimEnd()).toMatch(line)
    expect(stderr.trimEnd()).not.toContain('\n')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  })
})

describe('a tier in a directory', () => {
  it('is found from where the launcher was started', async () => {
    const { run } = start('relative', ['ottla.tier.dir=moved/here'])
    await run.ready()
    expect(readdirSync(join(root, 'moved/here'))).toEqual([])
  })
})

describe('a tier on an S3 server', () => {
  it('has its credentials in no file of the data folder', async () => {
    const env = { AWS_ACCESS_KEY_ID: 'an-id', AWS_SECRET_ACCESS_KEY: 'very-secret-indeed' }
    const { run, data } = start('secret', S3, env)
    const seen = new Set<string>()
    const watch = setInterval(() => {
      if (!existsSync(data)) return
      for (const name of readdirSync(data).filter((each) => each.endsWith('.capnp'))) {
        seen.add(readFileSync(join(data, name), 'latin1'))
      }
    }, 1)
    await run.ready()
    clearInterval(watch)
    const written = [...seen].join('')
    expect(written).toContain('AWS_SECRET_ACCESS_KEY')
    expect(written).not.toContain(env.AWS_SECRET_ACCESS_KEY)
    expect(run.stderr).not.toContain(env.AWS_SECRET_ACCESS_KEY)
  })
})
