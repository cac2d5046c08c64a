import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ANY_PORTS, isAlive, processesNaming, Run, until } from './run.ts'

// Ending is the one thing a Kafka client can hold up: it keeps its connection open for ever.

/** How long workerd is waited for, by the launcher. */
const PATIENCE_MS = 2_000

const onLinux = process.platform === 'linux'
const base = mkdtempSync(join(tmpdir(), 'ottla-end-'))
const clients: Socket[] = []
let data = ''
let run: Run

beforeEach(() => {
  data = mkdtempSync(join(base, 'data-'))
  run = new Run([...ANY_PORTS, '--data', data])
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await run.stop()
})
afterAll(() => rmSync(base, { recursive: true, force: true }))

describe('a signal', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s ends the broker with exit code 0',
    async (signal) => {
      await run.ready()
      const startMs = performance.now()
      run.child.kill(signal)
      expect(await run.ended).toMatchObject({ code: 0, signal: null })
      expect(performance.now() - startMs).toBeLessThan(PATIENCE_MS)
      // The watcher that was called off may still be ending.
      await expect.poll(() => brokersOf(data)).toEqual([])
    },
  )

  it('waits two seconds for open connections and no longer', async () => {
    await connectClient()
    const startMs = performance.now()
    run.child.kill('SIGTERM')
    expect((await run.ended).code).toBe(0)
    const tookMs = performance.now() - startMs
    expect(tookMs).toBeGreaterThan(PATIENCE_MS - 500)
    expect(tookMs).toBeLessThan(10 * PATIENCE_MS)
    // The watcher that was called off may still be ending.
    await expect.poll(() => brokersOf(data)).toEqual([])
  })

  it('given twice does not wait', async () => {
    await connectClient()
    const startMs = performance.now()
    run.child.kill('SIGINT')
    run.child.kill('SIGTERM')
    expect((await run.ended).code).toBe(0)
    expect(performance.now() - startMs).toBeLessThan(PATIENCE_MS)
  })

  it('that npm hands on as well counts once', async () => {
    await connectClient()
    const startMs = performance.now()
    run.child.kill('SIGINT')
    run.child.kill('SIGINT')
    expect((await run.ended).code).toBe(0)
    expect(performance.now() - startMs).toBeGreaterThan(PATIENCE_MS - 500)
  })

  it('before the ready line ends the broker too', async () => {
    run.child.kill('SIGTERM')
    const { code, signal } = await run.ended
    // In the first milliseconds Node itself takes the signal.
    expect(signal === 'SIGTERM' || code === 0).toBe(true)
    // The watcher that was called off may still be ending.
    await expect.poll(() => brokersOf(data)).toEqual([])
  })
})

describe.runIf(onLinux)('a kill', () => {
  it('of workerd ends the launcher with one line and exit code 1', async () => {
    await run.ready()
    process.kill(run.workerdPid(), 'SIGKILL')
    const { code, stderr } = await run.ended
    expect(code).toBe(1)
    const last = stderr.trimEnd().split('\n').at(-1)
    expect(last).toBe('ottla: workerd ended unexpectedly (SIGKILL)')
  })

  it('of the launcher ends workerd and its watcher within a second', async () => {
    await connectClient()
    const workerd = run.workerdPid()
    const watched = processesNaming(data)
    expect(watched).toContain(workerd)
    run.child.kill('SIGKILL')
    expect(await until(() => !isAlive(workerd), 1_000)).toBeLessThan(1_000)
    await until(() => processesNaming(data).length === 0, 1_000)
  })

  it('of the launcher before it is ready leaves no workerd behind', async () => {
    await until(() => processesNaming(data).length > 1, 10_000)
    run.child.kill('SIGKILL')
    await until(() => processesNaming(data).length === 0, 1_000)
  })

  it('of the launcher takes a temporary folder away as well', async () => {
    const temporary = mkdtempSync(join(base, 'tmp-'))
    const fleeting = new Run([...ANY_PORTS, '--ephemeral'], { env: { TMPDIR: temporary } })
    await fleeting.ready()
    fleeting.child.kill('SIGKILL')
    await fleeting.ended
    await until(() => readdirSync(temporary).length === 0, 2_000)
  })

  it('of the launcher lets the next one start at once on the same folder', async () => {
    await run.ready()
    run.child.kill('SIGKILL')
    const next = new Run([...ANY_PORTS, '--data', data])
    await next.ready()
    expect((await next.stop()).code).toBe(0)
  })
})

describe.runIf(onLinux)('workerd', () => {
  it('runs in a process group of its own, so a terminal signals only the launcher', async () => {
    await run.ready()
    expect(groupOf(run.workerdPid())).not.toBe(groupOf(run.pid))
  })
})

async function connectClient(): Promise<void> {
  const { kafkaPort } = await run.ready()
  const client = connect(kafkaPort, '127.0.0.1')
  clients.push(client)
  client.on('error', () => {})
  await new Promise((done) => client.once('connect', done))
  // The start of a frame: the broker has read it and waits for the rest.
  client.write(Buffer.from([0, 0, 0]))
  await new Promise((done) => setTimeout(done, 100))
}

/** Process group, from the fifth field of /proc/<pid>/stat. */
function groupOf(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')')).split(' ')[3]
}

function brokersOf(folder: string): number[] {
  return onLinux ? processesNaming(folder) : []
}
