// Resident memory (VmRSS of /proc, so Linux only): idle against bare workerd and against Apache Kafka, and
// whether it still grows in the second half of 1 GB produced.

import { setTimeout as sleep } from 'node:timers/promises'
import { LoadClient } from '../client.ts'
import { startFloor } from '../floor.ts'
import { BATCH_BYTES, BATCH_RECORDS, createTopic, produce, produceRequest } from '../kafka.ts'
import { launch, workerdOf } from '../launcher.ts'
import { residentBytes } from '../memory.ts'
import { newFolder } from '../processes.ts'
import { byTurns, type Figure, median, megabytes, ratios } from '../rounds.ts'
import { startKafka } from '../systems/kafka.ts'

const WORKERD_GOAL = { atMost: 1.4 }
const WITH_LAUNCHER_GOAL = { atMost: 2.5 }
const KAFKA_GOAL = { atMost: 1 / 3 }

/**
 * Flat as far as a garbage-collected heap is: V8 lets some 40 MB of small objects gather before it
 * collects them, and a process of 200 MB that kept a tenth of what is written would be above this.
 */
const FLAT_GOAL = { atMost: 1.25 }

/** After this long nothing of the start is left to do. */
const SETTLED_MS = 1_000

/** Workerd's process and both processes together, each against a bare workerd's. */
export async function idleMemoryFigures(quick: boolean): Promise<Figure[]> {
  const launcher: number[] = []
  const { bare, workerd } = await byTurns(quick ? 2 : 5, {
    async bare() {
      const floor = await startFloor({ worker: 'empty' })
      await sleep(SETTLED_MS)
      const bytes = residentBytes(floor.pid)
      await floor.stop()
      return bytes
    },
    async workerd() {
      const broker = await launch(process.execPath, null)
      await sleep(SETTLED_MS)
      const bytes = residentBytes(workerdOf(broker.pid))
      launcher.push(residentBytes(broker.pid))
      await broker.stop()
      return bytes
    },
  })
  const both = workerd.map((bytes, round) => bytes + launcher[round]!)
  const bareText = `bare ${megabytes(median(bare))}`
  return [
    {
      name: 'idle memory, workerd / bare workerd',
      values: ratios(workerd, bare),
      goal: WORKERD_GOAL,
      detail: `${megabytes(median(workerd))}, ${bareText}`,
    },
    {
      name: 'idle memory, with launcher / bare workerd',
      values: ratios(both, bare),
      goal: WITH_LAUNCHER_GOAL,
      detail: `${megabytes(median(both))}, of it Node ${megabytes(median(launcher))}, ${bareText}`,
    },
    ...(await besideKafka(median(both), quick ? 1 : 3)),
  ]
}

/** Kafka's memory once it is ready and nothing was asked of it. */
async function besideKafka(ours: number, rounds: number): Promise<Figure[]> {
  const bytes: number[] = []
  for (let round = 0; round < rounds; round++) {
    const kafka = await startKafka('default')
    if (kafka === null) return []
    await sleep(SETTLED_MS)
    bytes.push(residentBytes(kafka.pid))
    await kafka.stop()
  }
  return [
    {
      name: 'idle memory, with launcher / Apache Kafka',
      values: bytes.map((theirs) => ours / theirs),
      goal: KAFKA_GOAL,
      detail: `${megabytes(ours)}, Kafka ${megabytes(median(bytes))}`,
    },
  ]
}

/** Highest memory of workerd while the second half is produced, against that in the first half. */
export async function flatMemoryFigures(quick: boolean): Promise<Figure[]> {
  const steps = quick ? 40 : 100
  const broker = await launch(process.execPath, newFolder())
  const workerd = workerdOf(broker.pid)
  const idle = residentBytes(workerd)
  const client = await LoadClient.open(broker.kafkaPort)
  await createTopic(client)
  const peaks = await peaksWhileProducing(client, workerd, steps)
  client.close()
  await broker.stop()
  const first = Math.max(...peaks.slice(0, steps / 2))
  const second = Math.max(...peaks.slice(steps / 2))
  const early = Math.max(...peaks.slice(0, 100e6 / STEP_BYTES))
  return [
    {
      name: `memory, 2nd half of ${(steps * STEP_BYTES) / 1e9} GB produced / 1st`,
      values: [second / first],
      goal: FLAT_GOAL,
      detail:
        `workerd idle ${megabytes(idle)}, its peak in the first 0.1 GB ${megabytes(early)}, ` +
        `at most ${megabytes(Math.max(first, second) - early)} more after it`,
    },
  ]
}

/** One sample of the memory is the highest while this much is produced. */
const STEP_BYTES = 10e6

async function peaksWhileProducing(
  client: LoadClient,
  pid: number,
  steps: number,
): Promise<number[]> {
  const request = produceRequest(BATCH_RECORDS)
  const count = Math.ceil(STEP_BYTES / BATCH_BYTES)
  const peaks: number[] = []
  let peak = 0
  // While requests are in flight: between the steps it would be at its lowest.
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid))
  }, 10)
  for (let step = 0; step < steps; step++) {
    peak = 0
    await produce(client, { request, count, inFlight: 16 })
    peaks.push(Math.max(peak, residentBytes(pid)))
  }
  clearInterval(timer)
  return peaks
}
