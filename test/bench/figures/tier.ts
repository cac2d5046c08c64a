// What is only in the tier, a local directory, read by our own load client against the same bytes in local rows. Two
// brokers with the same settings are filled alike, one with a topic whose closed segments move; each turn starts
// a broker anew on what they left. The files of both are in the page cache. Not the moving itself, nor S3 and R2.

import { setTimeout as sleep } from 'node:timers/promises'
import { createTopic, listOffsets } from '../../clients/calls.ts'
import { Wire } from '../../clients/wire.ts'
import { LoadClient } from '../client.ts'
import { chunkRows } from '../data-file.ts'
import { BATCH_BYTES, BATCH_RECORDS, fetchRange, produce, produceRequest, TOPIC } from '../kafka.ts'
import { launch } from '../launcher.ts'
import { newFolder, writeBack } from '../processes.ts'
import { byTurns, type Figure, megabytes, megabytesPerSecond, ratios } from '../rounds.ts'
import { refuseError } from '../scale/requests.ts'
import { announceOttla } from '../systems/ottla.ts'

const GOAL = { atLeast: 0.5 }

/** Read `passes` times after the first time. */
interface Size {
  readonly bytes: number
  readonly rounds: number
  readonly passes: number
}

const FULL: Size = { bytes: 300e6, rounds: 5, passes: 3 }
const QUICK: Size = { bytes: 40e6, rounds: 3, passes: 1 }

/** What Kafka's consumer asks of a partition unless told otherwise. */
const FETCH_BYTES = 1024 * 1024
/** The active segment stays local: so small that it is a small part. */
const SEGMENT_BYTES = 8 * 1024 * 1024
const IN_FLIGHT = 16

const TIERED = { 'remote.storage.enable': 'true', 'local.retention.bytes': '0' }
/** Only while they are filled: what may move does so at once. */
const SOON = ['remote.log.manager.task.interval.ms=200', 'log.retention.check.interval.ms=200']

const EARLIEST_LOCAL = -4
const LIST_OFFSETS_VERSION = 8
const LOOK_MS = 200
const PATIENCE_MS = 240_000
const FREED_WITHIN_PASSES = 20

/** Where a stopped broker left its data. */
interface Place {
  readonly data: string
  readonly configs: readonly string[]
}

/** Bytes per second, the first time that a broker reads them and later. */
interface Rates {
  readonly first: number
  readonly again: number
}

/** Both figures, of one partition each. */
export async function tierFigures(quick: boolean): Promise<Figure[]> {
  announceOttla()
  const size = quick ? QUICK : FULL
  const end = Math.ceil(size.bytes / BATCH_BYTES) * BATCH_RECORDS
  const local = newPlace()
  const tier = newPlace()
  await fill(local, end, {})
  // Only what is not local any more is read, of both.
  const to = await fill(tier, end, TIERED)
  const systems = {
    tier: () => read(tier, to, size.passes),
    local: () => read(local, to, size.passes),
  }
  // Rows that were given up are deleted step by step.
  for (let pass = 0; chunkRows(tier.data, 0).first < to; pass++) {
    if (pass === FREED_WITHIN_PASSES) throw new Error('rows that are in the tier are still local')
    await systems.tier()
  }
  await byTurns(1, systems)
  const rates = await byTurns(size.rounds, systems)
  const bytes = (to / BATCH_RECORDS) * BATCH_BYTES
  const what = `${megabytes(bytes)} in batches of 64 KiB, ${FETCH_BYTES / 1024} KiB per request`
  const figure = (name: string, when: keyof Rates, how: string): Figure => {
    const [ours, scan] = [rates.tier, rates.local].map((each) => each.map((rate) => rate[when]))
    const detail = `${megabytesPerSecond(ours!)}, local ${megabytesPerSecond(scan!)}; ${what}; ${how}`
    return { name, values: ratios(ours!, scan!), goal: GOAL, detail }
  }
  return [
    figure('first read from the tier / local rows', 'first', 'after a start'),
    figure('later reads from the tier / local rows', 'again', `${size.passes}× after the first`),
  ]
}

function newPlace(): Place {
  const tier = ['remote.log.storage.system.enable=true', 'ottla.tier.unsynced=true']
  return { data: newFolder(), configs: [...tier, `ottla.tier.dir=${newFolder()}`] }
}

/** Writes the topic up to `end`; where its local part begins, when nothing more will move. */
async function fill(
  { data, configs }: Place,
  end: number,
  topic: Readonly<Record<string, string>>,
): Promise<number> {
  const broker = await launch(process.execPath, data, [...configs, ...SOON])
  const wire = await Wire.open({ host: '127.0.0.1', port: broker.kafkaPort })
  await createTopic(wire, TOPIC, 1, { 'segment.bytes': `${SEGMENT_BYTES}`, ...topic })
  const client = await LoadClient.open(broker.kafkaPort)
  const request = produceRequest(BATCH_RECORDS)
  await produce(client, { request, count: end / BATCH_RECORDS, inFlight: IN_FLIGHT })
  client.close()
  const localStart = topic === TIERED ? await whenTiered(wire, end) : 0
  wire.close()
  await broker.stop()
  return localStart
}

/** The first local offset, as soon as no more than the last segment can be local. */
async function whenTiered(wire: Wire, end: number): Promise<number> {
  const untilMs = performance.now() + PATIENCE_MS
  const least = end - (SEGMENT_BYTES / BATCH_BYTES) * BATCH_RECORDS
  for (;;) {
    const answer = await listOffsets(wire, TOPIC, [0], EARLIEST_LOCAL, LIST_OFFSETS_VERSION)
    const found = answer.topics[0]?.partitions[0]
    refuseError('ListOffsets', found?.errorCode ?? -1)
    const localStart = Number(found?.offset)
    if (localStart >= least) return localStart
    if (performance.now() > untilMs) throw new Error(`local from ${localStart}, of ${end} records`)
    await sleep(LOOK_MS)
  }
}

/** By a broker that is started for it. */
async function read({ data, configs }: Place, to: number, passes: number): Promise<Rates> {
  await writeBack()
  const broker = await launch(process.execPath, data, configs)
  const client = await LoadClient.open(broker.kafkaPort)
  const rate = async (times: number) => {
    let bytes = 0
    let ms = 0
    for (let time = 0; time < times; time++) {
      const got = await fetchRange(client, { from: 0, to, maxBytes: FETCH_BYTES })
      if (got.nextOffset < to) throw new Error(`the log ends at ${got.nextOffset}`)
      bytes += got.bytes
      ms += got.ms
    }
    return (bytes * 1e3) / ms
  }
  const rates = { first: await rate(1), again: await rate(passes) }
  client.close()
  await broker.stop()
  return rates
}
