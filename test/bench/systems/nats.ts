// NATS JetStream as one of the systems, built once from its Go module: one stream in a file, synced by its
// default (every two minutes) or before every acknowledgement.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cached } from '../cache.ts'
import { end, firstLine, newFolder, run, start } from '../processes.ts'
import { announce, orMissing } from './system.ts'

const VERSION = 'v2.15.2'
const MODULE = `github.com/nats-io/nats-server/v2@${VERSION}`

const READY = /Listening for client connections on 127\.0\.0\.1:(\d+)[\s\S]*Server is ready/

export type NatsKind = 'default' | 'synced'

/** A running server of either of the two that speak a line protocol. */
export interface LineServer {
  readonly pid: number
  /** Port on 127.0.0.1. */
  readonly port: number
  stop(): Promise<void>
}

/** Starts it on an empty folder; null, and said, when it cannot be. */
export function startNats(kind: NatsKind): Promise<LineServer | null> {
  const name = `NATS JetStream (${kind})`
  return orMissing(name, async () => {
    const program = await build()
    const folder = newFolder()
    const config = join(folder, 'nats.conf')
    const sync = kind === 'synced' ? 'sync_interval: always' : ''
    // The second line keeps the server from asking an idle client of ours whether it lives.
    writeFileSync(
      config,
      `listen: "127.0.0.1:-1"
ping_interval: "1h"
jetstream { store_dir: ${JSON.stringify(join(folder, 'data'))}, ${sync} }
`,
    )
    const child = start(program, ['-c', config])
    const [, port] = await firstLine(child, 2, READY)
    announce({
      name,
      version: VERSION,
      settings: `file storage, ${sync === '' ? 'default sync_interval (2 minutes)' : sync}, one replica`,
    })
    return { pid: child.pid!, port: Number(port), stop: () => end(child, 'SIGTERM') }
  })
}

async function build(): Promise<string> {
  const folder = await cached('nats', [MODULE], async (into) => {
    await run('go', ['install', MODULE], {
      env: { GOBIN: join(into, 'bin'), GOFLAGS: '-mod=mod' },
    })
  })
  return join(folder, 'bin/nats-server')
}
