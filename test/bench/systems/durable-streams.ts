// The npm package @durable-streams/server as one of the systems: Node's HTTP server over files, each
// append synced. Installed by npm into the bench's cache, not into the project.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { cached } from '../cache.ts'
import { end, firstLine, newFolder, run, start } from '../processes.ts'
import type { LineServer } from './nats.ts'
import { announce, orMissing } from './system.ts'

const PACKAGE = '@durable-streams/server'
const VERSION = '0.3.7'

/** Starts it on an empty folder; null, and said, when it cannot be. */
export function startDurableStreams(): Promise<LineServer | null> {
  const name = 'durable-streams'
  return orMissing(name, async () => {
    const root = await install()
    const child = start(process.execPath, ['--input-type=module', '-e', program(root, newFolder())])
    const [, port] = await firstLine(child, 1, /listening (\d+)/)
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    announce({
      name,
      version,
      settings: `${PACKAGE} on Node ${process.version}, file-backed (fdatasync per append), no compression`,
    })
    return { pid: child.pid!, port: Number(port), stop: () => end(child, 'SIGTERM') }
  })
}

function program(root: string, dataDir: string): string {
  const entry = pathToFileURL(join(root, 'dist/index.js')).href
  const options = JSON.stringify({ port: 0, host: '127.0.0.1', dataDir, compression: false })
  return `import { DurableStreamTestServer } from ${JSON.stringify(entry)}
const server = new DurableStreamTestServer(${options})
console.log('listening', new URL(await server.start()).port)`
}

async function install(): Promise<string> {
  const exact = `${PACKAGE}@${VERSION}`
  const folder = await cached('durable-streams', [exact], async (into) => {
    await run('npm', ['install', '--prefix', into, '--ignore-scripts', '--no-audit', exact])
  })
  return join(folder, 'node_modules', PACKAGE)
}
