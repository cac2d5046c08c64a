// The life of a partition's log: producers of every kind, retention, compaction, merging and deletion in one
// small log, under disks that fail at any statement, alarms that come late, twice or not at all, and ends at any
// moment. Readers read it from anywhere while that happens. Rows, steps and maps are small, as limits.ts can
// make them, so that a few hundred records meet what millions would.

import type { GroupTopic } from '../../../src/cluster/contract.ts'
import type { TopicSettings } from '../../../src/core/configs.ts'
import { KafkaError } from '../../../src/core/errors.ts'
import { partitionName } from '../../../src/core/ids.ts'
import { BATCH_HEADER_BYTES } from '../../../src/record/header.ts'
import { changeConfigs } from '../actors/config-changer.ts'
import { History, type IdempotentRecord } from '../actors/history.ts'
import { produce } from '../actors/idempotent-producer.ts'
import { KeyedRecords } from '../actors/keyed-records.ts'
import { PassReader } from '../actors/pass-reader.ts'
import { producePlainly } from '../actors/plain-producer.ts'
import { deleteRecords } from '../actors/record-deleter.ts'
import { TransactionalProducer } from '../actors/transactional-producer.ts'
import { acknowledgedOnce } from '../invariants/acknowledged-once.ts'
import { allOrNothing } from '../invariants/all-or-nothing.ts'
import { inOrder } from '../invariants/in-order.ts'
import { type FinalPartition, type LogEntry, watch } from '../invariants/invariant.ts'
import { noHangingTransaction } from '../invariants/no-hanging-transaction.ts'
import { noZombieWrites } from '../invariants/no-zombie-writes.ts'
import { stableOffsetNeverGoesBack } from '../invariants/stable-offset.ts'
import { type LimitValues, setLimits } from '../limits.ts'
import { Expectations } from '../log/expectations.ts'
import { judgeRest } from '../log/judge-rest.ts'
import { judgeTier } from '../log/judge-tier.ts'
import { listenToLogs } from '../log/listen.ts'
import { WrittenLog, type WrittenRecord } from '../log/written-log.ts'
import { withFaultyStorage } from '../platform/hazards.ts'
import type { Random } from '../platform/random.ts'
import type { World } from '../world.ts'
import { describedTransactions } from './final.ts'
import type { Scenario } from './scenario.ts'

/** Long enough for every timeout, every retry and every chore. */
const REST_MS = 600_000

/** How long, and for how many events, nobody writes while things still fail. */
const QUIET_MS = 120_000
const QUIET_EVENTS = 200

export const logLife: Scenario = {
  name: 'log-life',
  async run(world, events) {
    const { random, hazards } = world
    const limits = drawLimits(random)
    hazards.profile = withFaultyStorage(hazards.profile, random)
    const draw = () => drawSettings(random)
    await liveLog(world, events, { limits, settings: draw(), draw })
  },
}

/** What a log lives with. */
export interface LogLife {
  readonly limits: LimitValues
  readonly settings: Partial<TopicSettings>
  /** Settings that it may have later. */
  readonly draw: () => Partial<TopicSettings>
}

/** The life of the partitions of one topic from its first record until all is at rest, and their judgement. */
export async function liveLog(world: World, events: number, life: LogLife): Promise<void> {
  const { random } = world
  await setLimits(life.limits)
  world.mayFail = (object) => object.includes('/topic/')
  const topic = world.cluster.addTopic('out', random.between(1, 2), life.settings)
  const logs = Array.from({ length: topic.partitions }, (_, partition) => {
    const now = () => world.nowMs
    const full = world.cluster.settings.get(topic.id) as TopicSettings
    const expected = new Expectations(new WrittenLog(now), full, now)
    return { partition, expected, object: partitionName(topic.id, partition, 'main') }
  })
  listenToLogs(world, new Map(logs.map(({ object, expected }) => [object, expected])))
  const judge = watch(world, [
    stableOffsetNeverGoesBack(),
    acknowledgedOnce(),
    inOrder(),
    allOrNothing(),
    noHangingTransaction(),
    noZombieWrites(),
  ])
  const history = new History()
  const plain: IdempotentRecord[] = []
  const ids = startProducers(world, topic, history, plain)
  for (const { partition, expected } of logs) {
    const options = { world, topicId: topic.id, partition, expected }
    for (let reader = random.between(1, 3); reader > 0; reader--) {
      const name = `reader-${partition}-${reader}`
      world.client(name, (context) => new PassReader({ ...options, name }, context).live())
    }
    if (random.chance(0.4)) {
      world.client('deleter', (context) => deleteRecords(options, context))
    }
  }
  if (random.chance(0.3)) {
    const expected = logs.map((log) => log.expected)
    const options = { world, topic, expected, draw: life.draw }
    world.client('changer', (context) => changeConfigs(options, context))
  }
  await world.live(events)
  // Alarms alone move the log now, and things still fail.
  world.quieten()
  await world.live(events + QUIET_EVENTS, world.nowMs + QUIET_MS)
  world.heal()
  for (const { partition, object } of logs) await touch(world, topic, partition, object)
  await tellSettings(world, topic)
  await world.pass(REST_MS)
  world.judgeCalls()
  if (world.violations.length > 0) return
  const partitions: FinalPartition[] = []
  for (const { partition, expected, object } of logs) {
    partitions.push(await atRest(world, topic, partition, expected, object))
  }
  if (world.violations.length > 0) return
  const transactions = await describedTransactions(world, ids)
  judge({ history, topic, partitions, transactions, positions: new Map() })
  for (const { partition, writes } of plain) {
    for (const { token, offset } of writes) {
      const there = logs[partition]?.expected.written.record(offset)?.token
      if (offset < 0 || there === token) continue
      world.violated('acknowledged-records-are-present', `${token} at ${offset}, there is ${there}`)
    }
  }
}

/**
 * An object that could not set its alarm tries again, unless it ends before it could: then nothing but a call wakes it.
 * Here one comes. To lose an alarm that was set is no excuse: it is in the commit of what made it due.
 */
async function touch(
  world: World,
  { id: topicId }: GroupTopic,
  partition: number,
  object: string,
): Promise<void> {
  const slot = world.platform.slots.find(({ name }) => name === object)
  if (slot === undefined || !slot.isAlarmUnset || slot.instance !== null) return
  await world.ask('caller', (objects) =>
    objects.partition(topicId, partition).size({ topicId, partition }),
  )
}

/** The controller tells of settings again and again until every partition has heard of the last ones. */
async function tellSettings(world: World, { id: topicId, partitions }: GroupTopic): Promise<void> {
  const version = world.cluster.settingsVersion(topicId)
  if (version === 1) return
  const settings = world.cluster.settings.get(topicId) as TopicSettings
  for (let partition = 0; partition < partitions; partition++) {
    await world.ask('controller', (objects) =>
      objects.partition(topicId, partition).configure({ topicId, partition }, version, settings),
    )
  }
}

/** Most worlds have small ones, each limit by itself; some have those of the sources. */
export function drawLimits(random: Random): LimitValues {
  if (random.chance(0.1)) return {}
  const drawn: Record<string, number> = {}
  const perhaps = (name: string, values: readonly number[]) => {
    const value = random.pick(values)
    if (random.chance(0.75)) drawn[name] = value
  }
  perhaps('TAIL_TOTAL_BYTES', [0, 2_000, 40_000])
  // A flush, and what is merged, must fit a row.
  if (random.chance(0.8)) {
    drawn.ROW_BYTES = random.pick([1_200, 3_000])
    const flushBytes = random.pick([400, 1_100])
    drawn.FLUSH_BYTES = flushBytes
    drawn.MERGE_BELOW_BYTES = random.pick([flushBytes / 4, flushBytes / 2])
  } else perhaps('MERGE_BELOW_BYTES', [200, 800])
  perhaps('FETCH_PART_BYTES', [700, 5_000])
  perhaps('PRODUCER_SNAPSHOT_CHUNKS', [2, 5, 30])
  perhaps('FREE_STEP_CHUNKS', [1, 3])
  perhaps('FREE_STEP_BYTES', [1, 2_000])
  perhaps('RETENTION_STEP_SEGMENTS', [2, 3])
  perhaps('MERGE_MIN_ROWS', [2, 4])
  perhaps('MERGE_STEP_ROWS', [4, 10])
  perhaps('MERGE_AT_ONCE_BYTES', [500, 5_000])
  perhaps('MERGE_DELAY_MS', [100, 3_000])
  perhaps('COMPACTION_MAP_BYTES', [200, 400, 1_000])
  perhaps('COMPACTION_STEP_BYTES', [1, 500, 3_000])
  perhaps('COMPACTION_BUSY_STEP_BYTES', [1, 500, 3_000])
  perhaps('COMPACTION_RESUME_MS', [1_000, 10_000])
  perhaps('COMPACTION_GROUP_CHUNKS', [1, 3])
  perhaps('COMPACTION_GROUP_BYTES', [500, 3_000])
  perhaps('COMPACTION_SAVE_ROWS', [1, 4])
  perhaps('COMPACTION_MARKER_KEPT_MS', [0, 3_000])
  perhaps('HOUSEKEEPING_RETRY_MS', [1_000])
  // What is merged at once is worth merging.
  const { MERGE_BELOW_BYTES: below = 0, MERGE_AT_ONCE_BYTES: atOnce = 0 } = drawn
  if (atOnce < 2 * below || below === 0) delete drawn.MERGE_AT_ONCE_BYTES
  // As many rows as one step merges are never small together (test/core/limits.test.ts): nothing joins them later.
  if (drawn.MERGE_STEP_ROWS !== undefined) {
    const fewest = Math.ceil(below / BATCH_HEADER_BYTES)
    if (below === 0) delete drawn.MERGE_STEP_ROWS
    else drawn.MERGE_STEP_ROWS = Math.max(drawn.MERGE_STEP_ROWS, fewest)
  }
  return drawn
}

export function drawSettings(random: Random): Partial<TopicSettings> {
  const policy = random.pick(['delete', 'compact', 'compact', 'compact,delete'])
  const cleanupDelete = policy.includes('delete')
  const never = Number.MAX_SAFE_INTEGER
  return {
    cleanupDelete,
    cleanupCompact: policy.includes('compact'),
    segmentBytes: random.pick([300, 1_000, 3_000]),
    segmentMs: random.pick([3_000, 60_000, 604_800_000]),
    retentionBytes: random.pick([-1, 0, 1_500, 6_000]),
    retentionMs: random.pick([-1, 5_000, 40_000, 604_800_000]),
    retentionCheckMs: random.pick([300, 5_000]),
    deleteRetentionMs: random.pick([0, 3_000, 30_000]),
    minCompactionLagMs: random.pick([0, 0, 4_000]),
    maxCompactionLagMs: random.pick([never, 10_000]),
    minCleanableDirtyRatio: random.pick([0, 0.2, 0.5]),
    cleanerBackoffMs: random.pick([50, 1_500]),
  }
}

/** The transactional ids. @param repeats what was acknowledged is sent again now and then, and known */
export function startProducers(
  world: World,
  topic: GroupTopic,
  history: History,
  plain: IdempotentRecord[],
  repeats = true,
): string[] {
  const { random } = world
  const shapes = new KeyedRecords({
    random,
    keys: random.pick([2, 5, 20]),
    tombstones: random.pick([0, 0.1, 0.4]),
    old: random.pick([0, 0, 0.3]),
    large: random.pick([0, 0.02, 0.2]),
    compressed: random.pick([0, 0, 0.5]),
  })
  let lives = 0
  const idempotent = () => {
    if (world.isHealed) return
    lives += 1
    const producerId = 500_000 + lives
    const partition = random.between(0, topic.partitions - 1)
    const record = { name: `idempotent-${lives}`, partition, writes: [] }
    history.idempotent.push(record)
    const options = { world, record, topicId: topic.id, producerId, shapes, repeats }
    world.client(record.name, (context) => produce(options, context), idempotent)
  }
  for (let left = random.between(1, 2); left > 0; left--) idempotent()
  if (random.chance(0.5)) {
    const partition = random.between(0, topic.partitions - 1)
    const record = { name: 'plain', partition, writes: [] }
    plain.push(record)
    world.client('plain', (context) =>
      producePlainly({ world, record, topicId: topic.id, shapes }, context),
    )
  }
  const ids = Array.from({ length: random.between(0, 2) }, (_, index) => `txn-${index}`)
  for (const transactionalId of ids) {
    const options = {
      world,
      history,
      transactionalId,
      flow: random.pick(['older', 'newer'] as const),
      topicId: topic.id,
      partitions: topic.partitions,
      timeoutMs: random.pick([2_000, 10_000]),
      input: null,
      shapes,
    }
    const start = () => {
      if (world.isHealed) return
      const live = async (context: ConstructorParameters<typeof TransactionalProducer>[1]) => {
        await new TransactionalProducer(options, context).live()
        world.scheduler.after(random.between(100, 5_000), null, start)
      }
      world.client(transactionalId, live, start)
    }
    start()
  }
  return ids
}

/** Reads a partition to its end, judges what it keeps, and says what was ever written to it. */
async function atRest(
  world: World,
  { id: topicId }: GroupTopic,
  partition: number,
  expected: Expectations,
  object: string,
): Promise<FinalPartition> {
  const { written } = expected
  const present: WrittenRecord[] = []
  for (const readCommitted of [true, false]) {
    await readAll(world, { topicId, partition, expected, readCommitted, present })
  }
  if (world.violations.length > 0) return { ...NOTHING, partition }
  const size = await world.ask('operator', async (objects) => {
    for (;;) {
      // Its way to Cluster may have been cut by a crash long ago.
      const reply = await objects.partition(topicId, partition).size({ topicId, partition })
      if (reply.error === KafkaError.NONE) return reply
    }
  })
  const storage = world.platform.slots.find(({ name }) => name === object)?.storage
  if (storage !== undefined && written.nextOffset > 0) {
    const { bucket } = world
    const objects = `${topicId}/${partition}/`
    for (const { invariant, what } of bucket === null
      ? []
      : judgeTier(expected, storage, bucket, objects)) {
      world.violated(invariant, `partition ${partition}: ${what}`)
    }
    const rest = { storage, sizeBytes: size.sizeBytes, present, nowMs: world.nowMs }
    for (const { invariant, what } of judgeRest(expected, rest)) {
      world.violated(invariant, `partition ${partition}: ${what}`)
    }
  }
  for (const { invariant, what } of expected.takeNoticed()) world.violated(invariant, what)
  if (world.violations.length > 0) return { ...NOTHING, partition }
  const { producers } = await world.ask('operator', (objects) =>
    objects.partition(topicId, partition).producers({ topicId, partition }),
  )
  const open = producers
    .filter(({ currentTransactionStartOffset }) => currentTransactionStartOffset >= 0)
    .map(({ producerId }) => producerId)
  return { partition, ...everWritten(written), open, highWatermark: size.highWatermark }
}

/** Of a partition that is judged already. */
const NOTHING = { log: [], committed: [], open: [], highWatermark: 0, lastStableOffset: 0 }

interface ReadAllOptions {
  readonly topicId: GroupTopic['id']
  readonly partition: number
  readonly expected: Expectations
  readonly readCommitted: boolean
  readonly present: WrittenRecord[]
}

async function readAll(world: World, options: ReadAllOptions): Promise<void> {
  const { topicId, partition, expected, readCommitted, present } = options
  const name = `last-reader-${partition}`
  let isDone = false
  world.client(name, async (context) => {
    const reader = new PassReader({ world, name, topicId, partition, expected }, context)
    const start = expected.logStart
    const isWhole = await reader.pass(start, readCommitted, () => false)
    if (!isWhole) world.violated('a-log-at-rest-is-read', `from ${start}`)
    if (!readCommitted) present.push(...reader.seen)
    isDone = true
  })
  await world.pass(120_000)
  if (!isDone && world.violations.length === 0) {
    world.violated('a-log-at-rest-is-read', `partition ${partition} was not read to its end`)
  }
}

/** As if nothing had ever gone, and without records of producers that may write one twice. */
function everWritten({ batches, stableOffset }: WrittenLog) {
  const log: LogEntry[] = []
  const committed: { token: string; offset: number }[] = []
  for (const { header, marker, baseOffset, records, outcome } of batches) {
    const { producerId, producerEpoch: epoch } = header
    if (producerId < 0) continue
    if (marker !== null) log.push({ kind: marker, offset: baseOffset, producerId, epoch })
    for (const { offset, token } of records) {
      log.push({ kind: 'record', offset, token, producerId, epoch })
      if (outcome === 'none' || outcome === 'committed') committed.push({ token, offset })
    }
  }
  return { log, committed, lastStableOffset: stableOffset }
}
