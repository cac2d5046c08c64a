// A hundred partitions that are written and read at the same time: what the process holds above what the open
// partitions themselves take stays below 128 MB and what SQLite keeps of each open file in its page cache, which
// the runtime lets nobody set. Linux only (/proc).

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import { residentBytes, startBroker } from '../../clients/broker.ts'
import { createTopic, fetch, produceBody } from '../../clients/calls.ts'
import { Wire } from '../../clients/wire.ts'
import { batchOfSize } from '../../partition/harness.ts'

const MB = 1_000_000
const PARTITIONS = 100
const CLIENTS = 8
const IN_FLIGHT = 4
const LASTING_MS = 10_000
/** SQLite's default (2,000 KiB), of each open file. */
const PAGE_CACHE_BYTES = 2_048_000
const GROWTH_MAX_BYTES = 128 * MB + PARTITIONS * PAGE_CACHE_BYTES

test.runIf(process.platform === 'linux')(
  'A hundred active partitions hold less than 128 MB beside what their files take',
  // Resident memory also depends on when the allocator gives pages back: one more attempt is allowed.
  { retry: 1 },
  async () => {
    const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
    const data = mkdtempSync(join(memory, 'ottla-active-'))
    const broker = await startBroker({ data })
    try {
      const pid = broker.workerdPid()
      const wire = await Wire.open(broker.kafka)
      await createTopic(wire, 'active', PARTITIONS)
      const write = async (client: Wire, partitions: readonly number[], bytes: number) => {
        const ids = partitions.map((partition) =>
          client.send(Produce, 9, produceBody('active', partition, batchOfSize(bytes))),
        )
        for (const id of ids) {
          const { responses } = await client.answer(Produce, 9, id)
          expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(0)
        }
      }
      const all = Array.from({ length: PARTITIONS }, (_, partition) => partition)
      // Twice: what an open object takes it has then.
      for (let time = 0; time < 2; time++) await write(wire, all, 1_000)
      const open = residentBytes(pid)
      let peak = open
      let batches = 0
      const sampling = setInterval(() => {
        peak = Math.max(peak, residentBytes(pid))
      }, 20)
      const endMs = performance.now() + LASTING_MS
      const clients = await Promise.all(
        Array.from({ length: CLIENTS }, () => Wire.open(broker.kafka)),
      )
      await Promise.all(
        clients.map(async (client, first) => {
          for (let at = first; performance.now() < endMs; at += CLIENTS * IN_FLIGHT) {
            const some = Array.from({ length: IN_FLIGHT }, (_, index) => {
              return (at + index * CLIENTS) % PARTITIONS
            })
            await write(client, some, 64_000)
            batches += some.length
            const got = await fetch(client, 'active', some[0]!, 0)
            expect(got.errorCode).toBe(0)
          }
        }),
      )
      clearInterval(sampling)
      for (const client of [...clients, wire]) client.close()
      console.log(
        `${PARTITIONS} open: ${(open / MB).toFixed(0)} MB, ` +
          `+${((peak - open) / MB).toFixed(0)} MB at most with ${batches} batches of 64 KB`,
      )
      expect(batches).toBeGreaterThan(PARTITIONS)
      expect(peak - open).toBeLessThan(GROWTH_MAX_BYTES)
    } finally {
      await broker.stop()
      rmSync(data, { recursive: true, force: true })
    }
  },
)
