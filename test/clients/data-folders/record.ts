// `node test/clients/data-folders/record.ts NAME [LAUNCHER]`: writes a data folder with a release's launcher
// (dist/ottla.js of a checkout that was built; this one when not named), kills it, and keeps the folder as
// NAME.tar.gz with what was seen of it as NAME.json, in test/vectors/data-folders. To be done before a layout is changed: it cannot be
// recorded afterwards.

import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { JoinGroup } from '../../../src/protocol/messages/join-group.ts'
import { startBroker } from '../broker.ts'
import { Wire } from '../wire.ts'
import { fill, KEPT_FOR_EVER, layoutsIn, look, type Recorded, serves } from './content.ts'

const HERE = resolve(import.meta.dirname, '../../vectors/data-folders')
const IDLE_MS = 4_000
const [name, launcher] = process.argv.slice(2)
if (name === undefined) throw new Error('how is it to be named?')

const broker = await startBroker({
  args: [...KEPT_FOR_EVER, '--set', 'log.cleaner.backoff.ms=100'],
  ...(launcher === undefined ? {} : { launcher }),
})
try {
  const wire = await Wire.open(broker.kafka)
  const coordinators = await serves(wire, JoinGroup.key)
  const filled = await fill(wire, coordinators)
  // What is done when nobody calls.
  await sleep(IDLE_MS)
  const seen = await look(wire, coordinators)
  wire.close()
  await broker.kill()
  // The write-ahead logs go with it, as they are after a kill; shared memory is made anew.
  const file = join(HERE, `${name}.tar.gz`)
  const packed = spawnSync('tar', ['czf', file, '--exclude=*-shm', 'objects'], {
    cwd: broker.dataDir,
    encoding: 'utf8',
  })
  if (packed.status !== 0) throw new Error(packed.stderr)
  const recorded: Recorded = { layouts: layoutsIn(broker.dataDir), coordinators, filled, seen }
  writeFileSync(join(HERE, `${name}.json`), `${JSON.stringify(recorded, null, 2)}\n`)
  console.log(`${file}: ${JSON.stringify(recorded.layouts)}`)
} finally {
  await broker.stop()
  rmSync(broker.dataDir, { recursive: true, force: true })
}
