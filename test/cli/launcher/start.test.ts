import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, connect as tcpConnect } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { Metadata } from '../../../src/protocol/messages/metadata.ts'
import { Wire } from '../../clients/wire.ts'
import { ANY_PORTS, Run, type RunOptions } from './run.ts'

const folders: string[] = []
const runs: Run[] = []
const hasV6 = interfaceAddresses().includes('::1')

afterEach(async () => {
  await Promise.all(runs.splice(0).map((run) => run.stop()))
})
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

describe('the ready line', () => {
  it('is the only line on standard output, and both loopbacks accept when it is there', async () => {
    const run = start([...ANY_PORTS, '--data', folder()])
    const { kafkaHost, kafkaPort, httpPort } = await run.ready()
    expect(kafkaHost).toBe('127.0.0.1')
    for (const host of hasV6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
      await expect(accepts(host, kafkaPort)).resolves.toBe(true)
      await expect(accepts(host, httpPort)).resolves.toBe(true)
    }
    const { stdout } = await run.stop()
    expect(stdout).toBe(`ready kafka=127.0.0.1:${kafkaPort} http=http://127.0.0.1:${httpPort}\n`)
  })

  it('shows the one address of --host, IPv6 in brackets', async () => {
    const host = hasV6 ? '::1' : '127.0.0.2'
    const run = start([...ANY_PORTS, '--host', host, '--data', folder()])
    const { kafkaHost, kafkaPort } = await run.ready()
    expect(kafkaHost).toBe(hasV6 ? '[::1]' : '127.0.0.2')
    await expect(accepts('127.0.0.1', kafkaPort)).resolves.toBe(false)
  })

  it('shows the ports that were asked for by flag or, without one, by environment variable', async () => {
    const [byFlag, byVariable, unused] = await freePorts(3)
    const run = start(['--kafka-port', String(byFlag), '--data', folder()], {
      env: { OTTLA_KAFKA_PORT: String(unused), OTTLA_HTTP_PORT: String(byVariable) },
    })
    expect(await run.ready()).toMatchObject({ kafkaPort: byFlag, httpPort: byVariable })
  })

  it('does not hold the broker up when nobody reads it', async () => {
    const [kafkaPort, httpPort] = await freePorts(2)
    const ports = ['--kafka-port', String(kafkaPort), '--http-port', String(httpPort)]
    const run = start([...ports, '--data', folder()])
    run.child.stdout?.destroy()
    await expect.poll(() => accepts('127.0.0.1', kafkaPort!), { timeout: 10_000 }).toBe(true)
    expect(run.child.exitCode).toBeNull()
  })
})

describe('--advertised and --listen', () => {
  it('advertise by default the local address of each connection', async () => {
    const run = start([...ANY_PORTS, '--data', folder()])
    const { kafkaPort } = await run.ready()
    expect(await advertisedTo('127.0.0.1', kafkaPort)).toEqual(`127.0.0.1:${kafkaPort}`)
    if (hasV6) expect(await advertisedTo('::1', kafkaPort)).toEqual(`::1:${kafkaPort}`)
  })

  it('advertise what is configured, and to each extra listener its own', async () => {
    const [extra] = await freePorts(1)
    const run = start([
      ...ANY_PORTS,
      ...['--advertised', 'broker.example', '--data', folder()],
      ...['--listen', `127.0.0.1:${extra}=outside.example:19092`],
    ])
    const { kafkaPort } = await run.ready()
    expect(await advertisedTo('127.0.0.1', kafkaPort)).toBe(`broker.example:${kafkaPort}`)
    expect(await advertisedTo('127.0.0.1', extra!)).toBe('outside.example:19092')
  })

  it('advertise to a LAN client the address it came to, never the wildcard', async (context) => {
    const lan = interfaceAddresses().find((each) => /^(?!127\.)[\d.]+$/.test(each))
    if (lan === undefined) context.skip('this machine has no address beyond loopback')
    const flags = ['--host', '0.0.0.0', '--allow-anonymous', '--data', folder()]
    const run = start([...ANY_PORTS, ...flags])
    const { kafkaHost, kafkaPort, httpPort } = await run.ready()
    expect(kafkaHost).toBe('127.0.0.1')
    expect(await advertisedTo(lan!, kafkaPort)).toBe(`${lan}:${kafkaPort}`)
    const answer = await fetch(`http://${lan}:${httpPort}/v1/topics`)
    expect(answer.status).toBe(200)
  })
})

describe('closed by default', () => {
  it.each([
    ['--host', '0.0.0.0'],
    ['--host', '::'],
    ['--listen', '0.0.0.0:19999=x.example:1'],
  ])('%s %s needs a first user or --allow-anonymous', async (flag, value) => {
    const { code, stderr } = await start([...ANY_PORTS, flag, value, '--data', folder()]).ended
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^ottla: listening on \S+, beyond loopback, needs a first user or --allow-anonymous: OTTLA_SECRET=\S+ rand -hex 24\)" npx ottla start --host \S+\n$/,
    )
  })

  it('a web page of another site is refused until --allow-origin names it', async () => {
    const origin = 'https://page.example'
    const closed = start([...ANY_PORTS, '--data', folder()])
    const open = start([...ANY_PORTS, '--data', folder(), '--allow-origin', origin])
    const ask = async (run: Run) =>
      fetch(`${(await run.ready()).http}/v1/topics`, { headers: { origin } })
    expect((await ask(closed)).status).toBe(403)
    const answer = await ask(open)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
  })

  it('a foreign Host is refused until --allow-host names it', async () => {
    const run = start([...ANY_PORTS, '--data', folder(), '--allow-host', 'kafka.example'])
    const { httpPort } = await run.ready()
    expect(await statusFor('rebound.example', httpPort)).toBe(421)
    expect(await statusFor('kafka.example', httpPort)).toBe(200)
    expect(await statusFor('localhost', httpPort)).toBe(200)
  })
})

describe('what cannot start says so in one line and exits non-zero', () => {
  it('a port that is taken, on either loopback', async () => {
    for (const host of hasV6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
      const server = createServer().listen(0, host)
      await new Promise((done) => server.once('listening', done))
      const { port } = server.address() as { port: number }
      const run = start(['--kafka-port', String(port), '--http-port', '0', '--data', folder()])
      const { code, stdout, stderr } = await run.ended
      server.close()
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      const taken = `ottla: port ${port} on ${host} is already in use; --kafka-port chooses another\n`
      expect(stderr).toBe(taken)
    }
  })

  it('a data folder that another broker uses', async () => {
    const data = folder()
    await start([...ANY_PORTS, '--data', data]).ready()
    const second = await start([...ANY_PORTS, '--data', data]).ended
    expect(second).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `ottla: the data folder ${data} is in use by another broker\n`,
    })
  })

  it('all but one of several that start on one folder at once', async () => {
    const data = folder()
    const race = Array.from({ length: 4 }, () => start([...ANY_PORTS, '--data', data]))
    const outcomes = await Promise.allSettled(race.map((run) => run.ready()))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const losers = race.filter((_, index) => outcomes[index]?.status === 'rejected')
    for (const { stderr } of losers) {
      expect(stderr).toBe(`ottla: the data folder ${data} is in use by another broker\n`)
    }
  })

  it.each(['a file', 'below a file', 'in /proc'])('a data folder that is %s', async (where) => {
    const file = join(folder(), 'file')
    writeFileSync(file, '')
    const data = { 'a file': file, 'below a file': join(file, 'x') }[where] ?? '/proc/ottla'
    const { code, stderr } = await start([...ANY_PORTS, '--data', data]).ended
    expect(code).toBe(1)
    expect(stderr).toMatch(/^ottla: the data folder \S+ is not writable: E[A-Z]+\n$/)
  })

  it.each([
    [['--frobnicate'], "unknown option '--frobnicate'"],
    [['--kafka-port', '70000'], '--kafka-port must be a port from 0 to 65535, not "70000"'],
    [['--set', 'num.partitions'], '--set must be KEY=VALUE, not "num.partitions"'],
    [['--set', 'no.such.config=1'], '--set: Unknown broker config name: no.such.config'],
    [['--set', 'num.partitions=no'], /^--set: Invalid value no for configuration num.partitions/],
  ])('%j', async (flags, reason) => {
    const { code, stdout, stderr } = await start([...flags, '--ephemeral']).ended
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    const [, said] = /^ottla: (.*)\n$/.exec(stderr) ?? []
    if (typeof reason === 'string') expect(said).toBe(reason)
    else expect(said).toMatch(reason)
  })

  it('as a JSON line with --log-json', async () => {
    const { stderr } = await start(['--log-json', '--kafka-port', 'x']).ended
    expect(JSON.parse(stderr)).toMatchObject({ level: 'error', event: 'failed' })
  })
})

describe('the data folder', () => {
  it('is ./.ottla by default, and closed to other users', async () => {
    const cwd = folder()
    await start([...ANY_PORTS], { cwd }).ready()
    expect(statSync(join(cwd, '.ottla')).mode & 0o777).toBe(0o700)
  })

  it('keeps its layout and its topics over a restart, in folders with any name', async () => {
    const data = join(folder(), `odd "na\\me" é'${'long'.repeat(40)}`)
    const first = start([...ANY_PORTS, '--data', data])
    await createTopic((await first.ready()).http, 'kept')
    expect((await first.stop()).code).toBe(0)
    const objects = [
      'Cluster',
      'Group',
      'Live',
      'Partition',
      'Statistics',
      'Transaction',
      'Tunnel',
      'Watch',
    ]
    expect(readdirSync(join(data, 'objects')).sort()).toEqual(
      objects.map((name) => `ottla-${name}`),
    )
    const second = start([...ANY_PORTS], { env: { OTTLA_DATA: data } })
    const answer = await fetch(`${(await second.ready()).http}/v1/topics/kept`)
    expect(answer.status).toBe(200)
  })

  it('starts over a lock that nobody answers any more', async () => {
    const data = folder()
    const first = start([...ANY_PORTS, '--data', data])
    await first.ready()
    first.child.kill('SIGKILL')
    await first.ended
    expect(readdirSync(data)).toContain('lock')
    await start([...ANY_PORTS, '--data', data]).ready()
  })

  it('with --ephemeral is a temporary one, gone after the end', async () => {
    const temporary = folder()
    const run = start([...ANY_PORTS, '--ephemeral'], { env: { TMPDIR: temporary } })
    await createTopic((await run.ready()).http, 'fleeting')
    expect(readdirSync(temporary)).toHaveLength(1)
    expect((await run.stop()).code).toBe(0)
    expect(readdirSync(temporary)).toEqual([])
  })
})

describe('the log', () => {
  it('goes to standard error, a line per event with time and level', async () => {
    const run = start([...ANY_PORTS, '--data', folder(), '--log-level', 'debug'])
    await createTopic((await run.ready()).http, 'logged')
    const { stderr } = await run.stop()
    const lines = stderr.trimEnd().split('\n')
    const line = /^\d{4}-\d\d-\d\dT[\d:.]+Z (DEBUG|INFO |WARN |ERROR) \S/
    expect(lines.filter((each) => !line.test(each))).toEqual([])
    expect(lines[0]).toContain('INFO  started data=')
  })

  it('is JSON with --log-json, and says only what --log-level lets through', async () => {
    const json = start([...ANY_PORTS, '--data', folder(), '--log-json'])
    await json.ready()
    const events = (await json.stop()).stderr.trimEnd().split('\n')
    expect(JSON.parse(events[0] ?? '')).toMatchObject({ level: 'info', event: 'started' })
    const silent = start([...ANY_PORTS, '--data', folder(), '--log-level', 'error'])
    await silent.ready()
    expect((await silent.stop()).stderr).toBe('')
  })
})

describe.runIf(process.platform === 'linux')('file descriptors', () => {
  it('warns when the hard limit is too low for many partitions', async () => {
    const shell = 'ulimit -n 1000'
    const run = start([...ANY_PORTS, '--data', folder()], { shell })
    await run.ready()
    expect((await run.stop()).stderr).toMatch(/WARN {2}few-file-descriptors hard=1000 /)
  })
})

function start(args: readonly string[], options?: RunOptions): Run {
  const run = new Run(args, options)
  runs.push(run)
  return run
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'ottla-cli-'))
  folders.push(path)
  mkdirSync(path, { recursive: true })
  return path
}

function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((each) => each?.map((one) => one.address) ?? [])
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = tcpConnect(port, host)
    socket.once('connect', () => done(true)).once('error', () => done(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => new Promise((done) => server.once('listening', done))))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return ports
}

async function advertisedTo(host: string, port: number): Promise<string> {
  const wire = await Wire.open({ host, port })
  const { brokers } = await wire.call(Metadata, 9, { topics: [] })
  wire.close()
  return `${brokers[0]?.host}:${brokers[0]?.port}`
}

async function createTopic(http: string, name: string): Promise<void> {
  const answer = await fetch(`${http}/v1/topics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  })
  expect(answer.status).toBe(201)
}

/** Status of a GET that names another host; `fetch` does not let one say so. */
function statusFor(host: string, port: number): Promise<number> {
  return new Promise((done, failed) => {
    const socket = tcpConnect(port, '127.0.0.1')
    socket.write(`GET /v1/topics HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: close\r\n\r\n`)
    socket.once('data', (head: Buffer) => {
      done(Number(/^HTTP\/1.1 (\d+)/.exec(head.toString())?.[1]))
      socket.destroy()
    })
    socket.once('error', failed)
  })
}
