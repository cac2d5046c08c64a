// Connections that say nothing, or nearly nothing, on both ports of a broker that may open few files.

import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { type Broker, startBroker } from '../../clients/broker.ts'
import { type Group, idle, slow, slowBodies } from '../hostile-clients.ts'
import { WellBehaved } from '../well-behaved.ts'

/** Descriptors: room for some dozen Kafka connections and some hundred of HTTP. */
const FILES = 500
const WITHIN_MS = 20_000

const open: { broker: Broker | null; groups: Group[]; good: WellBehaved | null } = {
  broker: null,
  groups: [],
  good: null,
}

afterEach(async () => {
  for (const group of open.groups.splice(0)) group.stop()
  open.good?.close()
  await open.broker?.stop()
  open.broker = null
})

async function begin(): Promise<{ readonly broker: Broker; readonly good: WellBehaved }> {
  const under = ['sh', '-c', `ulimit -n ${FILES}; exec "$@"`, 'sh']
  const broker = await startBroker({ under })
  open.broker = broker
  const good = await WellBehaved.open(broker.kafka, 'good')
  open.good = good
  await good.round()
  return { broker, good }
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (const endMs = Date.now() + WITHIN_MS; !holds(); await sleep(20)) {
    if (Date.now() > endMs) throw new Error(`${what} did not happen within ${WITHIN_MS} ms`)
  }
}

async function recordsOf({ http }: Broker): Promise<unknown[]> {
  const path = '/v1/topics/good/partitions/0/records?offset=0&limit=1000'
  const answer = await fetch(`${http}${path}`, { signal: AbortSignal.timeout(5_000) })
  return ((await answer.json()) as { records: unknown[] }).records
}

describe('a broker beside clients that say nothing', () => {
  it('closes Kafka connections beyond its share, serves who was there, and takes others afterwards', async () => {
    const { broker, good } = await begin()
    const { counts, stop } = idle(broker, 'kafka', 120)
    open.groups.push({ counts, stop })
    open.groups.push(slow(broker, 'http', 30), slowBodies(broker, 20, 'good'))
    await until(() => counts.closed > 20, 'refusal of a connection')
    for (let i = 0; i < 5; i++) await good.round()
    expect(broker.log.join('\n')).toContain('too many connections')
    stop()
    let late: WellBehaved | null = null
    for (const endMs = Date.now() + WITHIN_MS; late === null; await sleep(50)) {
      late = await WellBehaved.open(broker.kafka, 'late').catch(() => null)
      if (Date.now() > endMs) throw new Error('a new connection was not served')
    }
    await late.round()
    late.close()
    await good.round()
  })

  it.runIf(process.platform === 'linux')(
    'is started again when HTTP connections have left no descriptor, on the same ports with all that was acknowledged',
    async () => {
      const { broker, good } = await begin()
      const first = broker.workerdPid()
      const { produced } = good.counts
      const group = idle(broker, 'http', FILES)
      await until(() => broker.log.some((line) => line.includes('too-many-connections')), 'its end')
      group.stop()
      // It may have ended once more before the last of them were gone.
      let records: unknown[] | null = null
      for (const endMs = Date.now() + WITHIN_MS; records === null; await sleep(50)) {
        records = await recordsOf(broker).catch(() => null)
        if (Date.now() > endMs) throw new Error('the broker does not answer again')
      }
      expect(records).toHaveLength(produced)
      expect(broker.workerdPid()).not.toBe(first)
    },
  )
})
