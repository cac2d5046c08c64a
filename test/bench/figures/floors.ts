// The floors: what this machine, workerd and SQLite do when there is no broker. Absolute values, printed so
// that one can see what is left; nothing here is ours to reach.

import { LoadClient } from '../client.ts'
import { startFloor } from '../floor.ts'
import { produceRequest } from '../kafka.ts'
import { MoveClient } from '../load/move.ts'
import { byTurns, type Figure, roundsWithinMs } from '../rounds.ts'

const BYTES = 64e6
const BATCH = 64 * 1024
const FETCH = 4 * 1024 * 1024
const ROW = 1024 * 1024

/** One figure for each floor. */
export async function floorFigures(quick: boolean): Promise<Figure[]> {
  const echoing = await startFloor({ worker: 'empty' })
  const echo = await LoadClient.open(echoing.tcpPort)
  const moving = await startFloor({ worker: 'bytes' })
  const move = await MoveClient.open(moving.tcpPort)
  const storing = await startFloor({ worker: 'log' })
  const one = Buffer.from(produceRequest(1))
  const batch = Buffer.alloc(BATCH, 111)
  batch.writeInt32BE(BATCH - 4, 0)
  const count = Math.ceil(BYTES / BATCH)
  const take = () => {}
  const megabytes = (bytesPerSecond: number) => bytesPerSecond / 1e6
  const inserted = async (rows: number, rowBytes: number) => {
    const { bytes, ms } = await storing.run(`/insert?rows=${rows}&rowBytes=${rowBytes}`)
    return bytes / 1e3 / ms
  }
  const systems = {
    'TCP echo, 64 KiB frames, 16 in flight': async () =>
      (count * BATCH) / 1e3 / (await echo.pipeline({ count, inFlight: 16, request: batch, take })),
    'TCP, Worker to client, 4 MiB answers': async () =>
      megabytes(await move.answers({ bytes: FETCH, count: Math.ceil(BYTES / FETCH) })),
    'Worker to object by RPC, 64 KiB, 16 in flight': async () =>
      megabytes(await move.calls({ bytes: BATCH, count, inFlight: 16 })),
    'object to Worker by RPC to client, 4 MiB': async () =>
      megabytes(await move.answersByCall({ bytes: FETCH, count: Math.ceil(BYTES / FETCH) })),
    'insert and sync, rows of 1 MiB': () => inserted(Math.ceil(BYTES / ROW), ROW),
    'insert and sync, rows of 64 KiB': () => inserted(count, BATCH),
    'scan of those rows': async () => {
      const { bytes, ms } = await storing.run('/scan')
      return bytes / 1e3 / ms
    },
  }
  const delays = {
    'TCP echo, one in flight': async () => {
      const requests = 1_000
      const ms = await echo.pipeline({ count: requests, inFlight: 1, request: one, take })
      return (ms * 1e3) / requests
    },
    'insert and sync of one 1 KiB row': async () => {
      const rows = 1_000
      const { ms } = await storing.run(`/insert?rows=${rows}&rowBytes=1024`)
      return (ms * 1e3) / rows
    },
  }
  await byTurns(1, { ...systems, ...delays })
  const rounds = quick ? 3 : 7
  const rates = await byTurns(rounds, systems, roundsWithinMs(quick))
  const times = await byTurns(rounds, delays, roundsWithinMs(quick))
  echo.close()
  move.close()
  for (const floor of [echoing, moving, storing]) await floor.stop()
  return [...shown(rates, 'MB/s'), ...shown(times, 'µs')]
}

function shown(values: Readonly<Record<string, number[]>>, unit: 'MB/s' | 'µs'): Figure[] {
  return Object.entries(values).map(([name, each]) => ({
    name: `floor: ${name}`,
    values: each,
    unit,
    goal: null,
    detail: unit === 'µs' ? 'each' : `of about ${(BYTES / 1e6).toFixed(0)} MB a round`,
  }))
}
