// What the controller still owes to partitions and groups: fences of deleted topics, notices of
// configuration and of topics, and storage to free. The debts are durable state; this file makes the
// calls, a bounded number at a time, and reports what became true. object.ts runs it before answers and
// from alarms.

import type { TopicId } from '../core/ids.ts'
import type { GroupRpc } from '../group/contract.ts'
import type { PartitionRpc } from '../partition/contract.ts'
import { type Change, type ClusterState, configVersion, settingsOf } from './cluster.ts'

/** What is needed of the world; tests give fakes. */
export interface ErrandDeps {
  readonly state: ClusterState
  /** Writes changes durably and applies them. */
  readonly commit: (changes: readonly Change[]) => void
  readonly partition: (
    topicId: TopicId,
    partition: number,
  ) => Pick<PartitionRpc, 'fence' | 'configure' | 'free'>
  readonly group: (groupId: string) => Pick<GroupRpc, 'metadataChanged'>
  /** Partitions whose freeing has to wait, the one that was asked longest ago first: in memory only. */
  readonly waiting: Set<string>
  /** Told of calls that were rejected; they are made again. */
  readonly report: (event: string, error: unknown) => void
}

/** Topics, and partitions of each, that are called at once. */
const PARALLEL_TOPICS = 4
const PARALLEL_PARTITIONS = 16

/** Groups that are told at once. */
const PARALLEL_GROUPS = 16

/** Steps of freeing in one run: each is bounded by the partition. */
const FREE_STEPS = 64

/** True while something is owed. */
export function hasErrands({ deleting, notices, groupNotices }: ClusterState): boolean {
  return deleting.size > 0 || notices.size > 0 || groupNotices.size > 0
}

/**
 * Fences every written partition of a deleted topic.
 * @returns true when all fences are persisted (then the topic waits to be freed)
 */
export async function fenceTopic(deps: ErrandDeps, id: TopicId): Promise<boolean> {
  const { state } = deps
  if (state.deleting.get(id) !== 'fencing') return true
  const partitions = [...(state.written.get(id) ?? [])]
  const fenced = await allOf(deps, partitions, PARALLEL_PARTITIONS, (partition) =>
    deps.partition(id, partition).fence({ topicId: id, partition }),
  )
  if (fenced && state.deleting.get(id) === 'fencing') {
    deps.commit([{ kind: partitions.length === 0 ? 'forgotten' : 'fenced', id }])
  }
  return fenced
}

/** The same for several topics; answers those whose fences do not all stand yet. */
export async function fenceTopics(
  deps: ErrandDeps,
  ids: readonly TopicId[],
): Promise<readonly TopicId[]> {
  const late: TopicId[] = []
  await allOf(deps, ids, PARALLEL_TOPICS, async (id) => {
    if (!(await fenceTopic(deps, id))) late.push(id)
  })
  return late
}

/** Delivers the notices of several topics. */
export async function deliverNotices(deps: ErrandDeps, ids: readonly TopicId[]): Promise<boolean> {
  let all = true
  await allOf(deps, ids, PARALLEL_TOPICS, async (id) => {
    if (!(await deliverNotice(deps, id))) all = false
  })
  return all
}

/**
 * Tells every written partition of a topic its newest settings. A partition written first while this
 * runs asked for its settings itself.
 * @returns true when all have heard of them
 */
export async function deliverNotice(deps: ErrandDeps, id: TopicId): Promise<boolean> {
  const { state } = deps
  const topic = state.topics.get(id)
  if (topic === undefined || !state.notices.has(id)) return true
  const version = configVersion(state, topic)
  const settings = settingsOf(state, topic)
  const partitions = [...(state.written.get(id) ?? [])]
  const told = await allOf(deps, partitions, PARALLEL_PARTITIONS, (partition) =>
    deps.partition(id, partition).configure({ topicId: id, partition }, version, settings),
  )
  const owed = state.notices.get(id)
  if (told && owed !== undefined && owed <= version) deps.commit([{ kind: 'noticed', id }])
  return told
}

/**
 * Tells groups that topics they have to do with, or their configurations, have changed; they ask what.
 * @returns true when all of them have heard of it
 */
export function tellGroups(deps: ErrandDeps, groupIds: readonly string[]): Promise<boolean> {
  const { state } = deps
  return allOf(deps, groupIds, PARALLEL_GROUPS, async (groupId) => {
    const version = state.groupNotices.get(groupId)
    if (version === undefined) return
    await deps.group(groupId).metadataChanged(groupId, version)
    if (state.groupNotices.get(groupId) === version)
      deps.commit([{ kind: 'groupNoticed', groupId }])
  })
}

/**
 * Frees some of the storage of deleted topics; those that said that they have to wait come last.
 * @returns true when it got further or nothing is left, false when a call failed, or all that is left has to wait
 */
export async function freeSome(deps: ErrandDeps): Promise<boolean> {
  const { state, waiting } = deps
  let failed = false
  let moved = false
  for (const [id, partition] of toFree(state, waiting).slice(0, FREE_STEPS)) {
    const key = `${id}/${partition}`
    const freed = await attempt(deps, () =>
      deps.partition(id, partition).free({ topicId: id, partition }),
    )
    waiting.delete(key)
    if (freed === 'later') waiting.add(key)
    else if (freed === FAILED) failed = true
    else moved = true
    if (freed === 'freed') deps.commit([{ kind: 'freed', id, partition }])
  }
  for (const [id, stage] of state.deleting) {
    const left = state.written.get(id)?.size ?? 0
    if (stage === 'freeing' && left === 0) deps.commit([{ kind: 'forgotten', id }])
  }
  return !failed && (moved || waiting.size === 0)
}

type Place = readonly [TopicId, number]

function toFree({ deleting, written }: ClusterState, waiting: ReadonlySet<string>): Place[] {
  const ready: Place[] = []
  const late = new Map<string, Place>()
  for (const [id, stage] of deleting) {
    if (stage !== 'freeing') continue
    for (const partition of written.get(id) ?? []) {
      const key = `${id}/${partition}`
      if (waiting.has(key)) late.set(key, [id, partition])
      else ready.push([id, partition])
    }
  }
  const inTurn = [...waiting].map((key) => late.get(key)).filter((place) => place !== undefined)
  return [...ready, ...inTurn]
}

/**
 * One run from an alarm: fences, then notices, then freeing. Groups hear first that a topic is gone:
 * what they then hand out is not of the past.
 * @returns true when nothing failed; what is left then can be taken up at once
 */
export async function runErrands(deps: ErrandDeps): Promise<boolean> {
  const { deleting, notices, groupNotices } = deps.state
  const groupsTold = await tellGroups(deps, [...groupNotices.keys()])
  const fencing = [...deleting].flatMap(([id, stage]) => (stage === 'fencing' ? [id] : []))
  const late = await fenceTopics(deps, fencing)
  const told = await deliverNotices(deps, [...notices.keys()])
  const freed = await freeSome(deps)
  return groupsTold && late.length === 0 && told && freed
}

/** Runs a call for each item, some at a time. True when none was rejected. */
async function allOf<Item>(
  deps: ErrandDeps,
  items: readonly Item[],
  parallel: number,
  call: (item: Item) => Promise<unknown>,
): Promise<boolean> {
  const queue = items[Symbol.iterator]()
  let ok = true
  const worker = async () => {
    for (const item of queue) {
      const done = await attempt(deps, () => call(item))
      if (done === FAILED) ok = false
    }
  }
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker))
  return ok
}

const FAILED = Symbol('failed')

/** The result, or FAILED when the call was rejected: whether it took effect is unknown, it is made again. */
async function attempt<T>(
  { report }: ErrandDeps,
  call: () => Promise<T>,
): Promise<T | typeof FAILED> {
  try {
    return await call()
  } catch (error) {
    report('call to an object failed', error)
    return FAILED
  }
}
