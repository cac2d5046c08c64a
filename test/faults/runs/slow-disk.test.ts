// A disk that takes long for each commit (strace holds up every sync): appends are joined in few commits, what
// waits is bounded by not reading the sockets, and everybody is answered. Which commits a fetch waits for is in
// test/partition/commit-delay.test.ts, with a disk of its own: here the runtime's one thread waits in each sync,
// and a fetch, which takes it several turns, waits with it.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import { batch } from '../../clients/batches.ts'
import { type Broker, residentBytes, startBroker } from '../../clients/broker.ts'
import { createTopic, fetch, produce, produceBody } from '../../clients/calls.ts'
import { Wire } from '../../clients/wire.ts'
import { batchOfSize } from '../../partition/harness.ts'

const MB = 1_000_000
const SYNC_MS = 200
const RETRIABLE = [0, 6]
/** Turns of a fetch, each behind a commit of some syncs: measured 23 syncs on a busy machine. */
const COMMITS_PER_READ = 75

/** Why syncs cannot be held up here; null when they can. */
function noDelays(): string | null {
  const inject = ['-e', 'inject=fdatasync:delay_enter=1']
  const tried = spawnSync('strace', ['-o', '/dev/null', ...inject, 'true'], { encoding: 'utf8' })
  if (tried.error !== undefined) return 'strace is not installed'
  return tried.status === 0 ? null : `strace cannot delay here: ${tried.stderr.trim()}`
}

/** Holds up every sync of a process from now on. */
async function slowed(pid: number): Promise<ChildProcess> {
  const calls = 'trace=fdatasync,fsync'
  const delay = `inject=fdatasync,fsync:delay_enter=${SYNC_MS * 1_000}`
  const args = ['-f', '-o', '/dev/null', '-e', calls, '-e', delay, '-p', String(pid)]
  const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  await new Promise<void>((done, failed) => {
    strace.stderr!.on('data', (text: Buffer) => {
      if (text.toString().includes('attached')) done()
      else failed(new Error(text.toString()))
    })
    strace.once('exit', () => failed(new Error('strace has ended')))
  })
  return strace
}

const reason = noDelays()

describe.skipIf(reason !== null)(
  `A slow disk${reason === null ? '' : ` (skipped: ${reason})`}`,
  () => {
    let broker: Broker
    let wire: Wire
    let strace: ChildProcess

    beforeAll(async () => {
      broker = await startBroker()
      wire = await Wire.open(broker.kafka)
      await createTopic(wire, 't', 2)
      const first = batch({ records: [{ value: 'first' }] })
      for (const partition of [0, 1]) {
        expect((await produce(wire, 't', partition, first)).errorCode).toBe(0)
      }
      strace = await slowed(broker.workerdPid())
    })
    afterAll(async () => {
      strace?.kill('SIGINT')
      wire?.close()
      await broker?.stop()
    })

    test('is slow for one record, and not slower for a hundred sent together', async () => {
      const small = batch({ records: [{ value: 'v' }] })
      const startMs = performance.now()
      expect((await produce(wire, 't', 0, small)).errorCode).toBe(0)
      const oneMs = performance.now() - startMs
      expect(oneMs).toBeGreaterThan(SYNC_MS)
      const ids = Array.from({ length: 100 }, () =>
        wire.send(Produce, 9, produceBody('t', 0, small)),
      )
      const sentMs = performance.now()
      const offsets: number[] = []
      for (const id of ids) {
        const { responses } = await wire.answer(Produce, 9, id)
        offsets.push(Number(responses[0]!.partitionResponses[0]!.baseOffset))
      }
      expect(offsets).toEqual(Array.from({ length: 100 }, (_, index) => index + 2))
      expect(performance.now() - sentMs).toBeLessThan(20 * oneMs)
    })

    test('holds clients back and no more in memory than the budget, and everybody is answered', async () => {
      const idle = residentBytes(broker.workerdPid())
      let peak = idle
      const sampling = setInterval(() => {
        peak = Math.max(peak, residentBytes(broker.workerdPid()))
      }, 20)
      const writers = await Promise.all(Array.from({ length: 8 }, () => Wire.open(broker.kafka)))
      const large = batchOfSize(1_000_000)
      const COUNT = 8
      let unsent = 0
      const writing = writers.map(async (writer) => {
        const ids = Array.from({ length: COUNT }, () =>
          writer.send(Produce, 9, produceBody('t', 0, large)),
        )
        unsent += writer.unsentBytes
        const codes: number[] = []
        for (const id of ids) {
          const { responses } = await writer.answer(Produce, 9, id)
          codes.push(responses[0]!.partitionResponses[0]!.errorCode)
        }
        return codes
      })
      const written = Promise.all(writing)
      let busy = true
      void written.finally(() => {
        busy = false
      })
      const readsMs: number[] = []
      while (busy) {
        for (const partition of [0, 1]) {
          const startMs = performance.now()
          const got = await fetch(wire, 't', partition, 0, { partitionMaxBytes: 100 })
          expect(got.errorCode).toBe(0)
          readsMs.push(performance.now() - startMs)
        }
        await new Promise((done) => setTimeout(done, 20))
      }
      const codes = (await written).flat()
      clearInterval(sampling)
      for (const writer of writers) writer.close()
      expect(unsent, 'clients are held back').toBeGreaterThan(MB)
      expect(codes).toHaveLength(8 * COUNT)
      for (const code of codes) expect(RETRIABLE).toContain(code)
      expect(codes.filter((code) => code === 0).length).toBeGreaterThan(COUNT)
      const middle = readsMs.toSorted((a, b) => a - b)[Math.floor(readsMs.length / 2)]!
      console.log(
        `reads ${middle.toFixed(0)} ms in the middle of ${readsMs.length}, ` +
          `+${((peak - idle) / MB).toFixed(0)} MB at most`,
      )
      expect(readsMs.length).toBeGreaterThan(3)
      expect(middle).toBeLessThan(COMMITS_PER_READ * SYNC_MS)
      expect(peak - idle).toBeLessThan(128 * MB)
    })
  },
)
