// `wrangler dev` with the Worker of this tree, as somebody does who is about to deploy it: HTTP on a free loopback port,
// no TCP, a data folder of its own. Nothing is looked up on the network.

import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const ROOT = resolve(import.meta.dirname, '../..')
const WRANGLER = join(ROOT, 'node_modules/wrangler/bin/wrangler.js')
const READY = /Ready on (http:\/\/\S+)/
const READY_WITHIN_MS = 90_000

export interface WranglerDev {
  /** Origin, without a final slash. */
  readonly http: string
  readonly log: readonly string[]
  stop(): Promise<void>
}

/** Starts it and waits until it listens. @param variables by the names of core/env.ts */
export async function startWranglerDev(
  variables: Readonly<Record<string, string>> = {},
): Promise<WranglerDev> {
  const folder = await mkdtemp(join(tmpdir(), 'ottla-wrangler-'))
  const vars = Object.entries({ OTTLA_LOCAL: '1', ...variables }).flatMap(([name, value]) => {
    return ['--var', `${name}:${value}`]
  })
  const listen = ['--ip', '127.0.0.1', '--port', '0', '--inspector-port', '0']
  const child = spawn(
    process.execPath,
    [WRANGLER, 'dev', '--persist-to', folder, ...listen, ...vars],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        WRANGLER_SEND_METRICS: 'false',
        WRANGLER_SEND_ERROR_REPORTS: 'false',
        WRANGLER_HIDE_BANNER: 'true',
        WRANGLER_LOG_PATH: join(folder, 'logs'),
        CLOUDFLARE_CF_FETCH_ENABLED: 'false',
        CI: '1',
      },
    },
  )
  const log: string[] = []
  const ended = new Promise<void>((done) => child.once('close', () => done()))
  const stop = async () => {
    child.kill('SIGINT')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  const http = await new Promise<string>((done, failed) => {
    const give = (line: string) => {
      log.push(line)
      const url = READY.exec(line)?.[1]
      if (url !== undefined) done(url)
    }
    createInterface({ input: child.stdout }).on('line', give)
    createInterface({ input: child.stderr }).on('line', give)
    const why = () => failed(new Error(`wrangler dev is not ready:\n${log.join('\n')}`))
    setTimeout(why, READY_WITHIN_MS).unref()
    void ended.then(why)
  }).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  return { http, log, stop }
}
