// One JSON record of 1 KiB per POST over 50 connections, against the durable-streams server: the same bytes
// on the wire but for the path. Both answer once the record is on disk.

import { LoadClient } from '../client.ts'
import { createTopic, recordValue, TOPIC } from '../kafka.ts'
import { httpCall, httpRate, httpRequest } from '../load/http.ts'
import { writeBack } from '../processes.ts'
import { byTurns, type Figure, median, ratios, roundsWithinMs } from '../rounds.ts'
import { startDurableStreams } from '../systems/durable-streams.ts'
import { startOttla } from '../systems/ottla.ts'

const GOAL = { atLeast: 4 }
const IN_FLIGHT = 50
const BODY = JSON.stringify({ value: recordValue(0).toString('latin1') })

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
  const withinMs = quick ? 500 : 1_500
  const load = (port: number, path: string) => () =>
    httpRate(port, {
      connections: IN_FLIGHT,
      withinMs,
      request: httpRequest('POST', port, path, BODY),
    })
  const systems = {
    ottla: load(httpPort, `/v1/topics/${TOPIC}/records`),
    rival: load(rival.port, `/${TOPIC}`),
  }
  await byTurns(2, systems)
  const rates = await byTurns(quick ? 5 : 11, systems, roundsWithinMs(quick), writeBack)
  await ottla.stop()
  await rival.stop()
  const perSecond = (values: readonly number[]) => `${median(values).toFixed(0)}/s`
  return [
    {
      name: 'HTTP produce, 1 KiB of JSON / durable-streams',
      values: ratios(rates.ottla, rates.rival),
      goal: GOAL,
      detail: `${perSecond(rates.ottla)}, durable-streams ${perSecond(rates.rival)}; ${IN_FLIGHT} connections, one in flight each`,
    },
  ]
}
