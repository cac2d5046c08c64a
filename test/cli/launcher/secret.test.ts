import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { ANY_PORTS, Run, until } from './run.ts'

const SECRET = 'kept-to-ourselves-4711'
const folders: string[] = []
const runs: Run[] = []

afterEach(async () => {
  for (const run of runs.splice(0)) await run.stop()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'ottla-secret-'))
  folders.push(path)
  return path
}

function start(args: readonly string[], env: Readonly<Record<string, string>>): Run {
  const run = new Run([...ANY_PORTS, ...args], { env })
  runs.push(run)
  return run
}

/** Every file below a folder, as text. */
function contents(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const below = join(path, entry.name)
    if (entry.isDirectory()) return contents(below)
    return entry.isFile() ? [readFileSync(below, 'latin1')] : []
  })
}

const statusOf = async (http: string, secret?: string) => {
  const headers: Record<string, string> = {}
  if (secret !== undefined) headers.authorization = `Bearer ${secret}`
  return (await fetch(`${http}/v1/topics`, { headers })).status
}

describe('a broker started with a secret', () => {
  it.each(['the environment', 'a file'])('in %s asks for it over HTTP', async (where) => {
    const file = join(folder(), 'secret')
    writeFileSync(file, `${SECRET}\n`)
    const run =
      where === 'a file'
        ? start(['--data', folder(), '--secret-file', file], {})
        : start(['--data', folder()], { OTTLA_SECRET: SECRET })
    const { http } = await run.ready()
    expect(await statusOf(http)).toBe(401)
    expect(await statusOf(http, 'another')).toBe(401)
    expect(await statusOf(http, SECRET)).toBe(200)
  })

  it('writes it nowhere and says it to nobody', async () => {
    const data = folder()
    const run = start(['--data', data, '--log-level', 'debug'], { OTTLA_SECRET: SECRET })
    const { http } = await run.ready()
    await statusOf(http, SECRET)
    await statusOf(http, `${SECRET}x`)
    for (const text of contents(data)) expect(text).not.toContain(SECRET)
    expect(readFileSync(`/proc/${run.workerdPid()}/cmdline`, 'latin1')).not.toContain(SECRET)
    await run.stop()
    expect(run.stdout + run.stderr).not.toContain(SECRET)
    expect(existsSync(data)).toBe(true)
  })

  it("asks for it on Kafka's own port too: what comes before is not answered", async () => {
    const run = start(['--data', folder()], { OTTLA_SECRET: SECRET })
    const { kafkaHost, kafkaPort } = await run.ready()
    const client = connect(kafkaPort, kafkaHost)
    // ApiVersions and Metadata, both of version 0.
    client.write(new Uint8Array([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 5, 0, 0]))
    client.end(new Uint8Array([0, 0, 0, 14, 0, 3, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0]))
    const answer = Buffer.concat(await client.toArray())
    expect(answer.readInt32BE(4)).toBe(5)
    expect(answer.length).toBe(4 + answer.readInt32BE(0))
  })

  it('listens beyond loopback, and says that passwords are in the clear there', async () => {
    const run = start(['--data', folder(), '--host', '0.0.0.0'], { OTTLA_SECRET: SECRET })
    const { http } = await run.ready()
    expect(await statusOf(http)).toBe(401)
    await until(() => run.stderr.includes('passwords-in-the-clear'), 5_000)
  })

  it.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
    ['one with a space', { OTTLA_SECRET: 'two words' }, []],
    ['one that is no ASCII', { OTTLA_SECRET: 'schlüssel' }, []],
    ['one that is too long', { OTTLA_SECRET: 'x'.repeat(513) }, []],
    ['a file that is not there', {}, ['--secret-file', '/nowhere/secret']],
    ['a file that is empty', {}, ['--secret-file', '/dev/null']],
  ])('takes no %s, and does not show it', async (_, env, flags) => {
    const { code, stdout, stderr } = await start(['--ephemeral', ...flags], env).ended
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^ottla: .*secret.*\n$/)
    expect(stderr).not.toMatch(/two words|schlüssel|xxx/)
  })
})
