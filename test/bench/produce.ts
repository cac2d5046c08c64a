// Produce with acks=all to one partition: batches against a raw insert loop of the same rows, single
// records against one commit per request, and whether a flush writes one row.

import { LoadClient } from './client.ts'
import { chunkRows, commitsInLog, type Rows } from './data-file.ts'
import { startFloor } from './floor.ts'
import { BATCH_BYTES, BATCH_RECORDS, createTopic, produce, produceRequest } from './kafka.ts'
import { launch } from './launcher.ts'
import { newFolder } from './processes.ts'
import { byTurns, type Figure, median, megabytesPerSecond, ratios } from './rounds.ts'

const BATCHES_GOAL = { atLeast: 0.6 }
const REQUESTS_GOAL = { atLeast: 2.5 }
const ROWS_GOAL = { atMost: 1 }

const BATCHES_IN_FLIGHT = 16
const REQUESTS_IN_FLIGHT = 64

/** Bytes per second of batches of 64 KiB, against inserts of rows as large as those it wrote. */
export async function batchFigures(quick: boolean): Promise<Figure[]> {
  const request = produceRequest(BATCH_RECORDS)
  const count = Math.round(64e6 / request.length)
  const load = { request, count, inFlight: BATCHES_IN_FLIGHT }
  const trial = await rowsOf(load)
  const rowBytes = Math.round(trial.bytes / trial.rows)
  const loop = `/insert?rows=${trial.rows}&rowBytes=${rowBytes}`
  const floor = await startFloor({ worker: 'log' })
  let ottla: number[] = []
  let raw: number[] = []
  const run = await withBroker(async (client) => {
    const systems = {
      async ottla() {
        return (count * BATCH_BYTES * 1e3) / (await produce(client, load))
      },
      async raw() {
        const { bytes, ms } = await floor.run(loop)
        return (bytes * 1e3) / ms
      },
    }
    await byTurns(2, systems)
    ;({ ottla, raw } = await byTurns(quick ? 7 : 15, systems))
  })
  await floor.stop()
  const written = chunkRows(run.data, 2 * count * BATCH_RECORDS)
  const inRow = written.bytes / written.rows
  return [
    {
      name: 'produce 64 KiB batches / raw insert loop',
      values: ratios(ottla, raw),
      goal: BATCHES_GOAL,
      detail:
        `${megabytesPerSecond(ottla)}, loop ${megabytesPerSecond(raw)}; rows of ${kibibytes(inRow)} ` +
        `(the loop's ${kibibytes(rowBytes)}), ${BATCHES_IN_FLIGHT} requests in flight`,
    },
  ]
}

/** Rows that a new broker writes under this load, its code warm. */
async function rowsOf(load: {
  readonly request: Uint8Array
  readonly count: number
  readonly inFlight: number
}): Promise<Rows> {
  const run = await withBroker(async (client) => {
    await produce(client, load)
    await produce(client, load)
  })
  return chunkRows(run.data, load.count * BATCH_RECORDS)
}

/** Requests per second of one record each, against a row and a commit for each request. */
export async function requestFigures(quick: boolean): Promise<Figure[]> {
  const request = produceRequest(1)
  const load = { request, inFlight: REQUESTS_IN_FLIGHT }
  const floor = await startFloor({ worker: 'log' })
  const singles = await LoadClient.open(floor.tcpPort)
  let ottla: number[] = []
  let single: number[] = []
  await withBroker(async (client) => {
    const systems = {
      async ottla() {
        const count = quick ? 6_000 : 20_000
        return (count * 1e3) / (await produce(client, { ...load, count }))
      },
      async single() {
        const count = quick ? 2_000 : 6_000
        return (count * 1e3) / (await singles.pipeline({ ...load, count, take: () => {} }))
      },
    }
    await byTurns(2, systems)
    ;({ ottla, single } = await byTurns(quick ? 5 : 11, systems))
  })
  singles.close()
  await floor.stop()
  return [
    {
      name: 'produce one-record requests / one commit each',
      values: ratios(ottla, single),
      goal: REQUESTS_GOAL,
      detail:
        `${median(ottla).toFixed(0)} requests/s, one commit each ${median(single).toFixed(0)}, ` +
        `${REQUESTS_IN_FLIGHT} in flight on one connection`,
    },
    await rowsPerCommit(),
  ]
}

/** Rows of a few dozen flushes against the commits in the write-ahead log that a kill left. */
async function rowsPerCommit(): Promise<Figure> {
  const request = produceRequest(1)
  const count = 600
  const run = await withBroker(async (client) => {
    await produce(client, { request, count, inFlight: REQUESTS_IN_FLIGHT })
  }, 'kill')
  const commits = commitsInLog(run.data)
  const { rows } = chunkRows(run.data, 0)
  return {
    name: 'rows written / flush',
    values: [rows / commits],
    goal: ROWS_GOAL,
    detail: `${count} one-record requests made ${rows} rows in ${commits} commits`,
  }
}

/** Runs `act` on a new broker with the topic; it is gone, and its data folder readable, afterwards. */
async function withBroker(
  act: (client: LoadClient) => Promise<void>,
  ending: 'stop' | 'kill' = 'stop',
): Promise<{ readonly data: string }> {
  const data = newFolder()
  const broker = await launch(process.execPath, data)
  const client = await LoadClient.open(broker.kafkaPort)
  await createTopic(client)
  await act(client)
  if (ending === 'kill') await broker.kill()
  client.close()
  await broker.stop()
  return { data }
}

function kibibytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(0)} KiB`
}
