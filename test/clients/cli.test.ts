// The commands as a user runs them, against a broker that asks for a secret: what they print where, and how they end.
// `ottla proxy` is tunnel.test.ts, `start` and `verify` are test/cli/launcher.

import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Broker, bootstrap, startBroker } from './broker.ts'
import { ottla, type RunOptions } from './ottla.ts'

const SECRET = 'the-secret-of-this-test'

let broker: Broker

beforeAll(async () => {
  broker = await startBroker({ env: { OTTLA_SECRET: SECRET } })
})
afterAll(async () => {
  await broker?.stop()
})

/** Runs a command as somebody who knows where the broker is, and its secret. */
const run = (args: readonly string[], options: RunOptions = {}) =>
  ottla(args, { ...options, env: { OTTLA_URL: broker.http, OTTLA_SECRET: SECRET, ...options.env } })

/** Runs it and expects that it does what it was told, silently. */
async function done(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const ran = await run(args, options)
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  return ran.stdout
}

const items = (stdout: string) =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

/** A topic with these values, in their order. */
async function filled(name: string, values: readonly string[], partitions = 1): Promise<string> {
  await done(['topics', 'create', name, '--partitions', String(partitions)])
  await done(['produce', name], { input: values.map((value) => `${value}\n`).join('') })
  return name
}

const all = (name: string, ...more: string[]) =>
  done(['consume', name, '--from', 'earliest', '--until-end', ...more])

describe('ottla topics', () => {
  it('creates, lists, shows and deletes', async () => {
    const made = ['topics', 'create', 'made', '--partitions', '3', '--set', 'retention.ms=86400000']
    expect(await done(made)).toBe('made\n')
    const [listed] = items(await done(['topics', '--search', 'made', '--json']))
    expect(listed).toMatchObject({ name: 'made', partitions: 3 })
    const shown = items(await done(['topics', 'show', 'made', '--json']))
    expect(shown).toMatchObject([0, 1, 2].map((partition) => ({ partition, start: 0, end: 0 })))
    expect(await done(['topics', 'show', 'made'])).toMatch(/^0\t0\t0\t/)
    expect(await done(['topics', 'delete', 'made', '--yes'])).toBe('')
    expect(await done(['topics', 'list', '--search', 'made'])).toBe('')
  })

  it('lists more than fits a page', async () => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${SECRET}` }
    const names = Array.from({ length: 30 }, (_, at) => `many-${at}`)
    for (const name of names) {
      const body = JSON.stringify({ name, partitions: 1 })
      await fetch(`${broker.http}/v1/topics`, { method: 'POST', headers, body })
    }
    const listed = items(await done(['topics', '--search', 'many-', '--json']))
    expect(listed.map(({ name }) => name).toSorted()).toEqual(names.toSorted())
  })

  it('deletes nothing without being sure', async () => {
    await done(['topics', 'create', 'kept'])
    const ran = await run(['topics', 'delete', 'kept'])
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toContain('--yes')
    expect(items(await done(['topics', '--search', 'kept', '--json']))).toHaveLength(1)
  })

  it("says what is wrong with Kafka's name for it", async () => {
    await done(['topics', 'create', 'twice'])
    const ran = await run(['topics', 'create', 'twice'])
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr).toMatch(/^ottla topics: TOPIC_ALREADY_EXISTS: .*\n$/)
  })
})

describe('ottla produce and consume', () => {
  it('a line is a value, in and out, byte by byte', async () => {
    const name = await filled('lines', [])
    const lines = ['first', '', 'ä ö ü', ' two  spaces ', '{"a":1}', 'last without an end']
    await done(['produce', name], { input: lines.join('\n') })
    expect(await all(name)).toBe(`${lines.join('\n')}\n`)
    const binary = Buffer.from([0xff, 0x00, 0xfe, 0x0a, 0x80])
    await done(['produce', name, '--whole', '--key', 'cat'], { input: binary })
    const [last] = items(await all(name, '--json', '--key', 'cat'))
    expect(last).toMatchObject({ key: 'cat', valueBase64: binary.toString('base64') })
  })

  it('keys come before a separator, and values may hold it again', async () => {
    const name = await filled('keyed', [], 4)
    const input = 'a:1\nb:2:2\n:3\n'
    await done(['produce', name, '--key-separator', ':'], { input })
    const records = items(await all(name, '--json'))
    const pairs = records.map(({ key, value }) => [key, value]).toSorted()
    expect(pairs).toEqual([
      ['', '3'],
      ['a', '1'],
      ['b', '2:2'],
    ])
    expect(await all(name, '--keys', '--key', 'b')).toBe('b\t2:2\n')
  })

  it('records are copied as they are, tombstones and headers with them', async () => {
    const name = await filled('source', [])
    const records = [
      { key: 'k', value: null },
      {
        key: 'k',
        value: { n: 1 },
        headers: [
          { key: 'h', value: 'v' },
          { key: 'h', value: 'w' },
        ],
      },
      { valueBase64: '/w==' },
    ]
    const input = records.map((record) => JSON.stringify(record)).join('\n')
    await done(['produce', name, '--records'], { input })
    await done(['topics', 'create', 'copy'])
    const copied = await all(name, '--json')
    await done(['produce', 'copy', '--records'], { input: copied })
    const without = (text: string) => items(text).map(({ timestamp, ...rest }) => rest)
    expect(without(await all('copy', '--json'))).toEqual(without(copied))
    expect(items(copied)).toMatchObject([
      { key: 'k', value: null },
      { key: 'k', value: '{"n":1}', headers: records[1]?.headers },
      { key: null, valueBase64: '/w==' },
    ])
  })

  it('says what was stored, a batch a line, of more than one request takes', async () => {
    const name = await filled('large', [], 2)
    const value = 'v'.repeat(100_000)
    const input = `${Array.from({ length: 25 }, () => value).join('\n')}\n`
    const batches = items(await done(['produce', name, '--json'], { input }))
    expect(batches.length).toBeGreaterThan(1)
    expect(batches.reduce((sum, { count }) => sum + (count as number), 0)).toBe(25)
    expect((await all(name)).length).toBe(25 * (value.length + 1))
  })

  it('sends what came before a pause, while more may come', async () => {
    const name = await filled('pauses', [])
    const launcher = resolve(import.meta.dirname, '../../dist/ottla.js')
    const env = { ...process.env, OTTLA_URL: broker.http, OTTLA_SECRET: SECRET }
    const child = spawn(process.execPath, [launcher, 'produce', name], {
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    onTestFinished(() => void child.kill())
    child.stdin.write('now\n')
    await expect.poll(() => all(name), { timeout: 10_000 }).toBe('now\n')
    child.stdin.end('later\n')
    expect(await new Promise((ended) => child.once('close', ended))).toBe(0)
    expect(await all(name)).toBe('now\nlater\n')
  })

  it('follows what comes, ends when it is told to and says where to go on', async () => {
    const name = await filled('followed', ['0', '1', '2'])
    let stdout = ''
    const following = run(['consume', name, '--from', 'earliest', '--json'], {
      running: (child) => {
        createInterface({ input: child.stdout! }).on('line', (line) => {
          stdout += line
          if (line.includes('"value":"2"')) child.kill('SIGINT')
        })
      },
    })
    const ran = await following
    expect(ran.code).toBe(0)
    const position = /--from (\S+) goes on/.exec(ran.stderr)?.[1]
    expect(position).toBe('0:2')
    expect(stdout).toContain('"value":"0"')
    await done(['produce', name], { input: '3\n4\n' })
    expect(await done(['consume', name, '--from', position!, '--max', '1'])).toBe('3\n')
  })

  it('reads one partition, or several topics', async () => {
    const name = await filled('parts', [], 3)
    await done(['produce', name, '--partition', '2'], { input: 'two\n' })
    await done(['produce', name, '--partition', '0'], { input: 'zero\n' })
    expect(await all(name, '--partition', '2')).toBe('two\n')
    expect(await all(name, '--partition', '1')).toBe('')
    await filled('parts-too', ['other'])
    const both = await done(['consume', name, 'parts-too', '--from', 'earliest', '--max', '3'])
    expect(both.split('\n').toSorted()).toEqual(['', 'other', 'two', 'zero'])
  })

  it('goes on after the broker was killed, each record once', async () => {
    const port = await freePort()
    const args = ['--http-port', String(port)]
    let other = await startBroker({ args })
    onTestFinished(() => other.stop())
    const env = { OTTLA_URL: `http://127.0.0.1:${port}`, OTTLA_SECRET: '' }
    await ottla(['topics', 'create', 'cut'], { env })
    await ottla(['produce', 'cut'], { env, input: 'before\n' })
    const seen: string[] = []
    const consuming = ottla(['consume', 'cut', '--from', 'earliest', '--max', '3'], {
      env,
      running: (child) =>
        createInterface({ input: child.stdout! }).on('line', (line) => seen.push(line)),
    })
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(['before'])
    await other.kill()
    // It waits for the broker, as what consumes does.
    const producing = ottla(['produce', 'cut'], { env, input: 'after\nlast\n' })
    other = await other.restart()
    expect(await producing).toMatchObject({ code: 0, stdout: '' })
    const ran = await consuming
    expect(ran).toMatchObject({ code: 0, stdout: 'before\nafter\nlast\n' })
    expect(ran.stderr.trim().split('\n')).toHaveLength(1)
  })

  it('shares a group with others, and goes on where that has committed', async () => {
    const name = await filled('shared', ['0', '1', '2', '3'])
    const consume = (...more: string[]) => [
      'consume',
      name,
      '--group',
      'readers',
      '--from',
      'earliest',
      ...more,
    ]
    expect(await done(consume('--max', '2'))).toBe('0\n1\n')
    // What was printed is committed, and one that is stopped has committed it, too.
    let printed = ''
    let about: unknown
    const stopped = await run(consume('--json'), {
      running: (child) =>
        createInterface({ input: child.stdout! }).on('line', async (line) => {
          printed += line
          if (!line.includes('"value":"3"')) return
          const headers = { authorization: `Bearer ${SECRET}` }
          about = await (await fetch(`${broker.http}/v1/groups/readers`, { headers })).json()
          child.kill('SIGINT')
        }),
    })
    expect(stopped).toMatchObject({ code: 0, stderr: '' })
    expect(printed).toMatch(
      /^\{"topic":"shared","partition":0,"offset":2,"timestamp":\d+,"key":null,/,
    )
    expect(about).toMatchObject({
      state: 'Stable',
      members: [{ clientId: 'ottla-consume', clientHost: '/127.0.0.1', memberType: 'consumer' }],
    })
    await done(['produce', name], { input: '4\n' })
    expect(await done(consume('--max', '1'))).toBe('4\n')
    const [{ committed, lag } = {}] = items(await done(['groups', 'show', 'readers', '--json']))
    expect({ committed, lag }).toEqual({ committed: 5, lag: 0 })
  })

  it('refuses of a group what its group decides, and says what is not there', async () => {
    for (const more of [['--partition', '0'], ['--key', 'k'], ['--until-end'], ['--from', '0:1']]) {
      const ran = await run(['consume', 'lines', '--group', 'g', ...more])
      expect(ran, more.join(' ')).toMatchObject({ code: 2, stdout: '' })
    }
    const nowhere = await run(['consume', 'nowhere', '--group', 'g'])
    expect(nowhere).toMatchObject({ code: 1, stdout: '' })
    expect(nowhere.stderr).toContain('UNKNOWN_TOPIC_OR_PARTITION')
  })

  it.each<[string, readonly string[], string]>([
    ['a topic that is not there', ['consume', 'nowhere'], 'UNKNOWN_TOPIC_OR_PARTITION'],
    [
      'a partition that is not there',
      ['consume', 'lines', '--partition', '9'],
      'UNKNOWN_TOPIC_OR_PARTITION',
    ],
    ['a position that is none', ['consume', 'lines', '--from', 'soon'], 'from'],
  ])('says that there is nothing to read: %s', async (_, args, what) => {
    const ran = await run(args)
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr).toContain(what)
  })

  it('says which line is none, and that those before it are stored', async () => {
    const name = await filled('broken', [])
    const ran = await run(['produce', name, '--records'], { input: '{"value":1}\nnonsense\n' })
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr).toContain('line 2')
    const other = await run(['produce', name, '--key-separator', '|'], { input: 'no key\n' })
    expect(other).toMatchObject({ code: 1, stdout: '' })
    expect(other.stderr).toContain('line 1')
  })
})

/** Runs a command as a user with a password. */
const as = (user: string, password: string, args: readonly string[], input = '') =>
  run(args, { input, env: { OTTLA_USER: user, OTTLA_SECRET: password } })

describe('ottla users and ottla acls', () => {
  it('make a user who may do what was allowed, and nothing else', async () => {
    const name = await filled('secured', ['0'])
    const password = (await done(['users', 'create', 'bob'])).trim()
    expect(password).toMatch(/^[\w-]{24}$/)
    const [bob] = items(await done(['users', '--json']))
    expect(bob).toMatchObject({ name: 'bob', credentials: [{ iterations: 4096 }, {}] })
    const read = ['consume', name, '--from', 'earliest', '--until-end']
    const refused = await as('bob', password, read)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('TOPIC_AUTHORIZATION_FAILED')
    await done(['acls', 'allow', 'bob', 'read,describe', '--topic', name, '--group', 'bobs'])
    const listed = (await done(['acls', '--user-of', 'bob'])).trim().split('\n')
    expect(listed).toHaveLength(4)
    expect(listed).toContain('User:bob\tALLOW\tREAD\tTOPIC\tsecured\tLITERAL\t*')
    expect(await as('bob', password, read)).toMatchObject({ code: 0, stdout: '0\n' })
    // As a member of a group it is by a token, which the password gets.
    const shared = ['consume', name, '--group', 'bobs', '--from', 'earliest', '--max', '1']
    expect(await as('bob', password, shared)).toMatchObject({ code: 0, stdout: '0\n' })
    const written = await as('bob', password, ['produce', name], '1\n')
    expect(written).toMatchObject({ code: 1, stdout: '' })
    expect(written.stderr).toContain('User:bob is not allowed WRITE on topic secured')
    // What the refusal says to paste allows it.
    const [, pasted = ''] =
      /`ottla (acls allow bob WRITE --topic secured)`/.exec(written.stderr) ?? []
    await done(pasted.split(' '))
    expect(await as('bob', password, ['produce', name], '1\n')).toMatchObject({ code: 0 })
    await done(['acls', 'deny', 'bob', 'READ', '--topic', 'sec', '--prefixed'])
    expect((await as('bob', password, read)).code).toBe(1)
    const gone = await done(['acls', 'remove', '--user-of', 'bob', '--json', '--yes'])
    expect(items(gone)).toHaveLength(6)
    expect(await done(['acls', '--user-of', 'bob'])).toBe('')
  })

  it('give another password, and take the user away', async () => {
    await done(['users', 'create', 'carol', '--password-file', '-'], { input: 'first one\n' })
    expect((await as('carol', 'first one', ['topics'])).code).toBe(0)
    const second = (
      await done(['users', 'password', 'carol', '--mechanism', 'SCRAM-SHA-512'])
    ).trim()
    const old = await as('carol', 'first one', ['topics'])
    expect(old).toMatchObject({ code: 1, stdout: '' })
    expect(old.stderr).toContain('--user NAME')
    expect((await as('carol', second, ['topics'])).code).toBe(0)
    await done(['users', 'delete', 'carol', '--yes'])
    expect((await as('carol', second, ['topics'])).code).toBe(1)
    const twice = await run(['users', 'delete', 'carol', '--yes'])
    expect(twice).toMatchObject({ code: 1, stdout: '' })
    expect(twice.stderr).toContain('there is no user carol')
  })
})

describe('ottla groups', () => {
  it('shows who is how far behind, resets with a look before, and deletes', async () => {
    const name = await filled('grouped', ['a', 'b', 'c', 'd'])
    const { Kafka, logLevel } = kafkajs
    const kafka = new Kafka({
      brokers: [bootstrap(broker.kafka)],
      sasl: { mechanism: 'plain', username: 'admin', password: SECRET },
      logLevel: logLevel.NOTHING,
    })
    const admin = kafka.admin()
    await admin.connect()
    await admin.setOffsets({
      groupId: 'readers',
      topic: name,
      partitions: [{ partition: 0, offset: '1' }],
    })
    await admin.disconnect()
    const listed = items(await done(['groups', '--json']))
    expect(listed).toContainEqual(expect.objectContaining({ groupId: 'readers', state: 'Empty' }))
    const [shown] = items(await done(['groups', 'show', 'readers', '--json']))
    expect(shown).toMatchObject({ topic: name, partition: 0, committed: 1, end: 4, lag: 3 })
    const reset = ['groups', 'reset', 'readers', '--topic', name, '--json']
    const [planned] = items(await done([...reset, '--to', 'latest', '--dry-run']))
    expect(planned).toEqual({ topic: name, partition: 0, before: 1, after: 4 })
    const committed = async () =>
      items(await done(['groups', 'show', 'readers', '--json']))[0]?.committed
    expect(await committed()).toBe(1)
    for (const [to, after] of [
      ['earliest', 0],
      ['3', 3],
      ['-2', 1],
      ['+1', 2],
    ] as const) {
      expect(items(await done([...reset, `--to=${to}`]))).toMatchObject([{ after }])
      expect(await committed()).toBe(after)
    }
    expect(await done(['groups', 'delete', 'readers', '--yes'])).toBe('')
    expect((await run(['groups', 'show', 'readers'])).code).toBe(1)
  })

  it.each<[string, readonly string[]]>([
    ['no place to go', ['groups', 'reset', 'g']],
    ['a place that is none', ['groups', 'reset', 'g', '--to', 'soon']],
    ['partitions of no topic', ['groups', 'reset', 'g', '--to', 'latest', '--partition', '0']],
    ['nothing to delete', ['groups', 'delete', '--yes']],
    ['not being sure', ['groups', 'delete', 'g']],
    ['no such job', ['groups', 'merge']],
  ])('does not understand %s', async (_, args) => {
    expect(await run(args)).toMatchObject({ code: 2, stdout: '' })
  })
})

describe('ottla bench', () => {
  it('measures with a topic of its own, and leaves nothing behind', async () => {
    const args = ['bench', '--records', '500', '--size', '50', '--partitions', '2', '--json']
    expect(items(await done(args))).toMatchObject([
      { phase: 'produce', records: 500, bytes: 25_000, recordsPerSecond: expect.any(Number) },
      { phase: 'consume', records: 500, bytes: 25_000, recordsPerSecond: expect.any(Number) },
    ])
    expect(await done(['topics', '--search', 'ottla-bench'])).toBe('')
  })
})

describe('every command', () => {
  const commands = ['topics', 'produce', 'consume', 'groups', 'bench', 'proxy']

  it.each(commands)('%s teaches by example', async (command) => {
    const ran = await ottla([command, '--help'])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toMatch(/^Usage: ottla /)
    expect(ran.stdout.match(new RegExp(`ottla ${command}`, 'g'))?.length).toBeGreaterThan(2)
    expect((await ottla(['--help'])).stdout).toContain(`ottla ${command}`)
  })

  it.each(['topics', 'groups', 'bench'])('%s says that nobody answers', async (command) => {
    const env = { OTTLA_URL: `http://127.0.0.1:${await freePort()}` }
    const ran = await ottla([command], { env })
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr).toMatch(/^ottla \w+: no broker answers at .*ECONNREFUSED\)\n$/)
  })

  it.each([['topics'], ['produce', 'lines'], ['consume', 'lines'], ['groups'], ['bench']])(
    '%s says that the secret is wrong, and never shows it',
    async (...args) => {
      const ran = await run(args, { env: { OTTLA_SECRET: 'not-this-one' }, input: 'x\n' })
      expect(ran).toMatchObject({ code: 1, stdout: '' })
      expect(ran.stderr).toContain('OTTLA_SECRET')
      expect(ran.stderr).not.toContain('not-this-one')
    },
  )

  it.each([
    ['topics', '--fast'],
    ['topics', 'create'],
    ['topics', 'create', 'a', 'b'],
    ['topics', 'create', 'a', '--partitions', 'many'],
    ['topics', 'create', 'a', '--set', 'x'],
    ['topics', '--url', 'nowhere'],
    ['topics', '--url', 'ftp://a'],
    ['produce'],
    ['produce', 'a', '--whole', '--records'],
    ['produce', 'a', '--key', 'k', '--records'],
    ['produce', 'a', '--key-separator', ''],
    ['consume'],
    ['consume', 'a', '--max', '0'],
    ['consume', 'a', '--partition', 'x'],
    ['consume', 'a', 'b', '--until-end'],
    ['bench', '--size', '0'],
    ['users', 'create'],
    ['users', 'create', 'a', '--iterations', '1'],
    ['users', 'create', 'a', '--password-file', '/dev/null'],
    ['users', 'delete', 'a'],
    ['acls', 'allow', 'a', 'READ'],
    ['acls', 'allow', 'a', '--topic', 'b'],
    ['acls', 'remove', '--yes'],
    ['acls', 'remove', '--user-of', 'a'],
    ['topics', '--user', 'a:b'],
    ['nonsense'],
  ])('does not understand %s %s', async (...args) => {
    const ran = await run(args)
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr.trim().split('\n')).toHaveLength(1)
  })

  it('says that something else answers', async () => {
    const server = createServer((_, response) => response.writeHead(404).end('<html>'))
    await new Promise<void>((listens) => server.listen(0, '127.0.0.1', () => listens()))
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    const ran = await ottla(['topics'], { env: { OTTLA_URL: `http://127.0.0.1:${port}` } })
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr).toContain("is this a broker's address?")
  })
})

function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => found(port))
    })
  })
}
