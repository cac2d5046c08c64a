// One JSON record of 1 KiB per POST over 50 connections, against the durable-streams server: the same bytes
// on the wire but for the path. Both answer once the record is on disk.

import { LoadClient } from '../client.ts'
import { startFloor } from '../floor.ts'
import { createTopic, recordValue, TOPIC } from '../kafka.ts'
import { httpCall, httpRate, httpRequest } from '../load/http.ts'
import { writeBack } from '../processes.ts'
import { byTurns, type Figure, floorFigure, median, ratios, roundsWithinMs } from '../rounds.ts'
import { cpuSeconds } from '../scale/process-stats.ts'
import { startDurableStreams } from '../systems/durable-streams.ts'
import { startOttla } from '../systems/ottla.ts'

const GOAL = { atLeast: 4 }
const IN_FLIGHT = 50
const BODY = JSON.stringify({ value: recordValue(0).toString('latin1') })

interface Load {
  readonly perSecond: number
  /** Of the server, for each request. */
  readonly cpuMicroseconds: number
}

/** Requests per second. */
export async function httpFigures(quick: boolean): Promise<Figure[]> {
  const rival = await startDurableStreams()
  if (rival === null) return []
  const ottla = await startOttla()
  const client = await LoadClient.open(ottla.kafkaPort)
  await createTopic(client)
  client.close()
  const { httpPort } = ottla.launched
  await httpCall(rival.port, httpRequest('PUT', rival.port, `/${TOPIC}`, ''))
  const least = await startFloor({ worker: 'least' })
  const withinMs = quick ? 500 : 1_500
  const load = (pid: number, port: number, path: string) => async (): Promise<Load> => {
    const before = cpuSeconds(pid)
    const startMs = performance.now()
    const perSecond = await httpRate(port, {
      connections: IN_FLIGHT,
      withinMs,
      request: httpRequest('POST', port, path, BODY),
    })
    const requests = (perSecond * (performance.now() - startMs)) / 1e3
    return { perSecond, cpuMicroseconds: ((cpuSeconds(pid) - before) * 1e6) / requests }
  }
  const systems = {
    ottla: load(ottla.pid, httpPort, `/v1/topics/${TOPIC}/records`),
    rival: load(rival.pid, rival.port, `/${TOPIC}`),
    least: load(least.pid, least.httpPort, '/'),
  }
  await byTurns(2, systems)
  const loads = await byTurns(quick ? 5 : 11, systems, roundsWithinMs(quick), writeBack)
  await ottla.stop()
  await rival.stop()
  await least.stop()
  const rates = {
    ottla: loads.ottla.map((each) => each.perSecond),
    rival: loads.rival.map((each) => each.perSecond),
    least: loads.least.map((each) => each.perSecond),
  }
  const perSecond = (values: readonly number[]) => `${median(values).toFixed(0)}/s`
  const cpu = (values: readonly Load[]) =>
    `${median(values.map((each) => each.cpuMicroseconds)).toFixed(0)} µs`
  return [
    {
      name: 'HTTP produce, 1 KiB of JSON / durable-streams',
      values: ratios(rates.ottla, rates.rival),
      goal: GOAL,
      detail: `${perSecond(rates.ottla)}, durable-streams ${perSecond(rates.rival)}; ${IN_FLIGHT} connections, one in flight each`,
    },
    floorFigure(
      'the least broker, the same / durable-streams',
      ratios(rates.least, rates.rival),
      `${perSecond(rates.least)}: JSON, one call of an object and a joined commit in bare workerd; processor time of a request ${cpu(loads.least)}, here ${cpu(loads.ottla)}, durable-streams ${cpu(loads.rival)}`,
    ),
  ]
}
