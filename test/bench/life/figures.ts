// What a log's own life costs those who write, and how fast a log is compacted in a running broker. A
// partition is filled while nothing is to be done; then retention and compaction are turned on, and
// producers write at half of the speed that the filling had, each batch when it is due (an open loop). It
// is compared with the same load on the same broker while nothing is to be done, by turns.

import { setTimeout as sleep } from 'node:timers/promises'
import { DECOMPRESSED_BATCH_BYTES } from '../../../src/core/limits.ts'
import { Codec, type CodecName, compress, decompress } from '../../../src/record/compression.ts'
import { BATCH_HEADER_BYTES } from '../../../src/record/header.ts'
import { LoadClient } from '../client.ts'
import { launch, workerdOf } from '../launcher.ts'
import { newFolder, writeBack } from '../processes.ts'
import { type Figure, median, megabytes, megabytesPerSecond, ratios } from '../rounds.ts'
import { openLoopOf, type Sent } from '../scale/open-loop.ts'
import { cpuSeconds } from '../scale/process-stats.ts'
import { quantile } from '../scale/quantile.ts'
import { startCleaningKafka } from '../systems/kafka.ts'
import type { KafkaSystem } from '../systems/ottla.ts'
import { type KeyedRequest, KeyedRequests, LifeTopic, type Records, recordBytes } from './topic.ts'

const THROUGHPUT_GOAL = { atLeast: 0.8 }
const P99_GOAL = { atMost: 3 }
const SPEED_GOAL = { atLeast: 50 }

/** What is due is begun at once: the work is measured and not the wait for it. */
const BACKOFF_MS = 100
const BROKER = [
  `log.cleaner.backoff.ms=${BACKOFF_MS}`,
  `log.retention.check.interval.ms=${BACKOFF_MS}`,
]

/** The active segment is left alone: so small that it is a small part. */
const SEGMENT_BYTES = 4 * 1024 * 1024

/** Nothing to be done. */
const QUIET = {
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'retention.bytes': '-1',
  'min.cleanable.dirty.ratio': '0',
  'segment.bytes': `${SEGMENT_BYTES}`,
}

const RECORDS_PER_KEY = 10
/** With keys that come ten times each a tenth of the log stays, and what is in the active segment. */
const DONE_SHARE = 0.85
/** As much of the log is left by retention. */
const RETAINED_SHARE = 0.9
/** Different requests that are sent in turn. */
const REQUESTS = 256
const LOOK_MS = 50
/** Of processor, by which a broker that had nothing to do has begun: more than a change of configuration takes. */
const BEGUN_SECONDS = 0.05
const SETTLED_MS = 1_000
const PATIENCE_MS = 240_000

/** Sizes of a run. */
interface Scale {
  readonly fillBytes: number
  readonly turnMs: number
  readonly rounds: number
}

const COST: Readonly<Record<'quick' | 'full', Scale>> = {
  quick: { fillBytes: 128e6, turnMs: 3_000, rounds: 2 },
  full: { fillBytes: 1e9, turnMs: 12_000, rounds: 2 },
}

/** Whose partition is written to while one is cleaned: in the local runtime all partitions have one thread. */
type Writers = 'it' | 'another'

/** Throughput and p99 of producers, with retention and compaction / without. */
export async function lifeFigures(quick: boolean): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const writers of ['it', 'another'] as const) {
    const scale = COST[quick ? 'quick' : 'full']
    const rounds: Round[] = []
    for (let round = 0; round < scale.rounds; round++) {
      rounds.push(await measure(scale, writers, round % 2 === 0))
    }
    figures.push(...costFigures(scale, writers, rounds))
  }
  return figures
}

/** What the producers had. */
interface Turn extends Sent {
  /** Acknowledged. */
  readonly perSecond: number
  readonly p99: number
}

interface Round {
  readonly offered: number
  readonly quiet: Turn
  readonly busy: Turn
  /** Bytes a second that compaction went over while producers wrote. */
  readonly cleaned: number
}

async function measure(
  { fillBytes, turnMs }: Scale,
  writers: Writers,
  quietFirst: boolean,
): Promise<Round> {
  const broker = await launch(process.execPath, newFolder(), BROKER)
  const client = await LoadClient.open(broker.kafkaPort)
  const records = recordsOf(fillBytes, 'none', 1_003)
  const topic = await LifeTopic.create(client, 'life', QUIET)
  const filled = await topic.fill(fillBytes, records)
  const other = writers === 'it' ? topic : await LifeTopic.create(client, 'beside', QUIET)
  const made = new KeyedRequests(other.name, records, 2)
  const requests = Array.from({ length: REQUESTS }, () => made.next())
  const offered = (filled.requests * 1e3) / filled.ms / 2
  /** What was written to the partition that is cleaned. */
  let added = 0

  const turn = async (isOver: () => boolean): Promise<Turn> => {
    const load = { port: broker.kafkaPort, perSecond: offered, durationMs: turnMs, isOver }
    const sent = await openLoopOf({
      ...load,
      request(number) {
        const { request, batch } = requests[number % REQUESTS] as KeyedRequest
        if (writers === 'it') added += batch.length
        return request
      },
    })
    return { ...sent, perSecond: (sent.sent * 1e3) / sent.ms, p99: quantile(sent.ackMs, 0.99) }
  }
  const rest = async () => {
    await writeBack()
    await sleep(SETTLED_MS)
  }
  const quietTurn = async () => {
    await rest()
    return turn(() => false)
  }
  const busyTurn = async () => {
    await rest()
    let isClean = false
    const expected = () => filled.bytes + added
    await topic.configure({
      'cleanup.policy': 'compact,delete',
      'retention.bytes': `${Math.round(expected() * RETAINED_SHARE)}`,
    })
    const goneBytes = DONE_SHARE * expected()
    const cleaning = whenGone(topic, expected, goneBytes).then((ms) => {
      isClean = true
      return ms
    })
    // A log that is clean costs nothing more.
    const busy = await turn(() => isClean)
    const ms = await cleaning
    await topic.configure(QUIET)
    return { busy, cleaned: (expected() * 1e3) / ms }
  }
  const first = quietFirst ? await quietTurn() : null
  const { busy, cleaned } = await busyTurn()
  const quiet = first ?? (await quietTurn())
  client.close()
  await broker.stop()
  return { offered, quiet, busy, cleaned }
}

/** Milliseconds until so much of what was written is not there any more. */
async function whenGone(topic: LifeTopic, written: () => number, bytes: number): Promise<number> {
  const startMs = performance.now()
  for (;;) {
    const ms = performance.now() - startMs
    if (written() - (await topic.sizeBytes()) >= bytes) return ms
    if (ms > PATIENCE_MS) throw new Error('the log is not compacted')
    await sleep(LOOK_MS)
  }
}

function recordsOf(contentBytes: number, codec: CodecName, valueBytes: number): Records {
  const keys = Math.ceil(contentBytes / recordBytes(valueBytes) / RECORDS_PER_KEY)
  return { codec, valueBytes, keys }
}

function costFigures({ fillBytes }: Scale, writers: Writers, rounds: readonly Round[]): Figure[] {
  const of = (turn: 'quiet' | 'busy', what: 'perSecond' | 'p99') =>
    rounds.map((round) => round[turn][what])
  const name = `producers to ${writers} while ${megabytes(fillBytes)} are cleaned`
  const offered = median(rounds.map((round) => round.offered))
  const cleaned = megabytesPerSecond(rounds.map((round) => round.cleaned))
  const ms = (values: readonly number[]) => `${median(values).toFixed(1)} ms`
  const p50 = (turn: 'quiet' | 'busy') =>
    rounds.map(({ [turn]: { ackMs } }) => quantile(ackMs, 0.5))
  return [
    {
      name: `throughput of ${name} / nothing`,
      values: ratios(of('busy', 'perSecond'), of('quiet', 'perSecond')),
      goal: THROUGHPUT_GOAL,
      detail: `${offered.toFixed(0)} batches of 64 KiB a second are due, half of full speed; ${cleaned} of log were compacted`,
    },
    {
      name: `  p99 of them / nothing`,
      values: ratios(of('busy', 'p99'), of('quiet', 'p99')),
      goal: P99_GOAL,
      detail:
        `from when a batch is due: p99 ${ms(of('busy', 'p99'))} and ${ms(of('quiet', 'p99'))}, ` +
        `p50 ${ms(p50('busy'))} and ${ms(p50('quiet'))}`,
    },
  ]
}

const CODECS: readonly CodecName[] = ['none', 'lz4', 'snappy', 'zstd', 'gzip']
const SLOWEST: CodecName = 'gzip'
const SPEED: Readonly<
  Record<'quick' | 'full', { readonly contentBytes: number; readonly rounds: number }>
> = {
  quick: { contentBytes: 64e6, rounds: 1 },
  full: { contentBytes: 128e6, rounds: 2 },
}
const SPEED_VALUE_BYTES = 200
const CODEC_BATCHES = 128

/** Megabytes of log that an otherwise idle broker compacts a second, as they are stored, by codec. */
export async function compactionFigures(quick: boolean): Promise<Figure[]> {
  const { contentBytes, rounds } = SPEED[quick ? 'quick' : 'full']
  const figures: Figure[] = []
  for (const codec of CODECS) {
    const records = recordsOf(contentBytes, codec, SPEED_VALUE_BYTES)
    const speeds: Speed[] = []
    const floors: number[] = []
    for (let round = 0; round < rounds; round++) {
      speeds.push(await compactionSpeed(await cleaningOttla(), contentBytes, records))
      floors.push(codecSpeed(records))
    }
    const { bytes } = speeds[0] as Speed
    const perSecond = speeds.map((speed) => speed.bytes / speed.seconds / 1e6)
    const ofProcessor = median(speeds.map((speed) => speed.bytes / speed.processorSeconds / 1e6))
    figures.push({
      name: `compaction of ${codec} batches`,
      values: perSecond,
      unit: 'MB/s',
      goal: SPEED_GOAL,
      detail:
        `of log as stored (${megabytes(bytes)} for ${megabytes(contentBytes)} of records of ${SPEED_VALUE_BYTES} bytes, ` +
        `${RECORDS_PER_KEY} of a key), ${ofProcessor.toFixed(0)} MB a second of processor` +
        (codec === 'none'
          ? ''
          : `; the codec alone, all read twice and a tenth written: ${median(floors).toFixed(0)} MB/s`),
    })
    if (codec === SLOWEST) figures.push(...(await besideKafka(contentBytes, records, perSecond)))
  }
  return figures
}

/** The same log cleaned by Apache Kafka's cleaner, which too reads it twice. */
async function besideKafka(
  contentBytes: number,
  records: Records,
  ours: readonly number[],
): Promise<Figure[]> {
  const kafka = await startCleaningKafka(BACKOFF_MS)
  if (kafka === null) return []
  const { bytes, seconds, processorSeconds } = await compactionSpeed(kafka, contentBytes, records)
  const perSecond = bytes / seconds / 1e6
  const ofProcessor = bytes / processorSeconds / 1e6
  return [
    {
      name: `  of ${records.codec} batches / Apache Kafka's cleaner`,
      values: ours.map((speed) => speed / perSecond),
      goal: null,
      detail: `Apache Kafka, which has just started: ${perSecond.toFixed(1)} MB/s, ${ofProcessor.toFixed(1)} MB a second of processor`,
    },
  ]
}

/** A broker that looks for work all the time. */
async function cleaningOttla(): Promise<KafkaSystem> {
  const { kafkaPort, pid, stop } = await launch(process.execPath, newFolder(), BROKER)
  return { pid: workerdOf(pid), kafkaPort, stop }
}

interface Speed {
  readonly bytes: number
  readonly seconds: number
  /** Of workerd, or the JVM. */
  readonly processorSeconds: number
}

async function compactionSpeed(
  { kafkaPort, pid, stop }: KafkaSystem,
  contentBytes: number,
  records: Records,
): Promise<Speed> {
  const client = await LoadClient.open(kafkaPort)
  const topic = await LifeTopic.create(client, 'life', QUIET)
  const { bytes } = await topic.fill(contentBytes, records)
  await writeBack()
  // Whoever compacts is brief for a while after a write.
  await sleep(SETTLED_MS)
  const before = cpuSeconds(pid)
  await topic.configure({ 'cleanup.policy': 'compact' })
  // The schedule's own moment comes up to a second later; what is measured begins with it.
  const asked = performance.now()
  while (cpuSeconds(pid) - before < BEGUN_SECONDS) {
    if (performance.now() - asked > PATIENCE_MS) throw new Error('the compaction does not begin')
    await sleep(LOOK_MS / 5)
  }
  const gone = (bytes - SEGMENT_BYTES) * DONE_SHARE
  const ms = await whenGone(topic, () => bytes, gone)
  const processorSeconds = cpuSeconds(pid) - before
  client.close()
  await stop()
  return { bytes, seconds: ms / 1e3 + BEGUN_SECONDS, processorSeconds }
}

/**
 * Stored megabytes a second when batches are only decompressed twice, once to learn each key's last offset and once
 * to leave out what it supersedes, and a tenth of each is compressed again.
 */
function codecSpeed(records: Records): number {
  const made = new KeyedRequests('life', records, 3)
  const batches = Array.from({ length: CODEC_BATCHES }, () => made.next().batch)
  const codec = Codec[records.codec]
  const work = () => {
    let bytes = 0
    for (const batch of batches) {
      const blob = batch.subarray(BATCH_HEADER_BYTES)
      decompress(codec, blob, DECOMPRESSED_BATCH_BYTES)
      const content = decompress(codec, blob, DECOMPRESSED_BATCH_BYTES)
      compress(codec, content.subarray(0, content.length / RECORDS_PER_KEY))
      bytes += batch.length
    }
    return bytes
  }
  work()
  const startMs = performance.now()
  return work() / (performance.now() - startMs) / 1e3
}
