// Which object is asked for a tunnel, and what is said where it has no room.

import { describe, expect, it } from 'vitest'
import { ADVERTISED_HEADER } from '../../src/core/tunnel-protocol.ts'
import { openIdentity } from '../../src/http/identity.ts'
import { Problem } from '../../src/http/problem.ts'
import { kafkaRoutes } from '../../src/http/routes/kafka.ts'

/** Upgrades of one client to a broker with these configurations, whose objects have no room. */
async function refused(addresses: readonly string[], config: Readonly<Record<string, string>>) {
  const shards = new Set<number>()
  const details: (string | undefined)[] = []
  for (const address of addresses) {
    const headers = { upgrade: 'websocket', [ADVERTISED_HEADER]: address }
    const asked = {
      request: new Request('http://localhost/kafka', { headers }),
      broker: {
        advertised: { host: 'localhost', port: 9092 },
        brokerConfig: async (name: string) => config[name],
      },
      identity: openIdentity('main'),
      tunnel: async (_: string, shard: number) => {
        shards.add(shard)
        return new Response('more than 1 connections', { status: 503 })
      },
    }
    const answer = await kafkaRoutes[0]?.handle(asked as never)
    if (answer instanceof Problem) details.push(answer.options.detail)
  }
  return { shards: shards.size, details }
}

const ADDRESSES = Array.from({ length: 40 }, (_, at) => `host-${at}:9092`)

describe('the tunnels of one address', () => {
  it('are spread over objects by the addresses that they state', async () => {
    expect((await refused(ADDRESSES, {})).shards).toBeGreaterThan(4)
  })

  it('are all in one, which counts them, where there may be so many', async () => {
    const { shards, details } = await refused(ADDRESSES, { 'max.connections.per.ip': '5' })
    expect(shards).toBe(1)
    expect(details[0]).toBe('more than 1 connections')
  })
})
