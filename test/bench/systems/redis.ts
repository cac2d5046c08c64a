// Redis as one of the systems (Debian's package): an append-only file, synced before every answer or
// once a second.

import { end, firstLine, freePort, newFolder, run, start } from '../processes.ts'
import type { LineServer } from './nats.ts'
import { announce, orMissing } from './system.ts'

/** `appendfsync`. */
export type RedisKind = 'always' | 'everysec'

/** Starts it on an empty folder; null, and said, when it cannot be. */
export function startRedis(kind: RedisKind): Promise<LineServer | null> {
  const name = `Redis (${kind})`
  return orMissing(name, async () => {
    const version = /v=([\d.]+)/.exec(await run('redis-server', ['--version']))?.[1] ?? 'unknown'
    const port = await freePort()
    const settings = ['--appendonly', 'yes', '--appendfsync', kind]
    // Neither snapshots nor rewrites of the file beside the load: they would only slow it.
    const quiet = ['--save', '', '--auto-aof-rewrite-percentage', '0']
    const place = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', newFolder()]
    const child = start('redis-server', [...place, ...settings, ...quiet])
    await firstLine(child, 1, /Ready to accept connections/)
    announce({
      name,
      version,
      settings: `appendonly yes, appendfsync ${kind}, no snapshots, no rewrites; XADD to one stream`,
    })
    return { pid: child.pid!, port, stop: () => end(child, 'SIGTERM') }
  })
}
