import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { ANY_PORTS, Run } from './run.ts'

/** A folder with this as what opens addresses; null for none. */
function withOpener(script: string | null): { readonly folder: string; readonly PATH: string } {
  const folder = mkdtempSync(join(tmpdir(), 'ottla-open-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  if (script !== null) {
    writeFileSync(join(folder, 'xdg-open'), script)
    chmodSync(join(folder, 'xdg-open'), 0o755)
  }
  const others = script === null ? '/nowhere' : (process.env.PATH ?? '')
  return { folder, PATH: `${folder}${delimiter}${others}` }
}

it.runIf(process.platform === 'linux')(
  '--open opens the console when it is there, and the broker outlives the browser',
  async () => {
    const { folder, PATH } = withOpener('#!/bin/sh\necho "$1" > "$0.asked"\nexit 3\n')
    const run = new Run([...ANY_PORTS, '--ephemeral', '--open'], { env: { PATH } })
    const { http } = await run.ready()
    const asked = join(folder, 'xdg-open.asked')
    await expect.poll(() => existsSync(asked) && readFileSync(asked, 'utf8')).toBe(`${http}/\n`)
    expect((await fetch(`${http}/livez`)).status).toBe(200)
    expect((await run.stop()).code).toBe(0)
  },
)

it.runIf(process.platform === 'linux')(
  'a machine with nothing to open it with is told the address, and no more',
  async () => {
    const { PATH } = withOpener(null)
    const run = new Run([...ANY_PORTS, '--ephemeral', '--open'], { env: { PATH } })
    const { http } = await run.ready()
    await expect.poll(() => run.stderr).toContain(`no browser to open url=${http}/`)
    expect((await run.stop()).code).toBe(0)
  },
)
