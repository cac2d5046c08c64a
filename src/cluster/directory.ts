// The directory of groups and transactional ids: objects cannot be listed, so each is entered here
// before its first durable change and taken out after its last. What the List APIs answer from, and
// what a group learns of topics and configuration. A crash between the two halves is mended by sweep.ts.

import type { TopicId } from '../core/ids.ts'
import {
  DIRECTORY_ENTRY_CHARACTERS,
  DIRECTORY_REFRESH_MS,
  GROUPS_PER_CLUSTER,
  TRANSACTIONAL_IDS_PER_CLUSTER,
} from '../core/limits/coordinators.ts'
import type { CatalogueReport } from '../statistics/contract.ts'
import { type ClusterState, type Decision, topicNamed } from './cluster.ts'
import type {
  GroupEntry,
  GroupListing,
  GroupMetadata,
  GroupRegistration,
  GroupTopic,
  TransactionEntry,
} from './contract.ts'

/** Which topics a group asks for. */
interface Wanted {
  readonly names: readonly string[]
  readonly ids: readonly TopicId[]
  readonly all: boolean
}

/**
 * Decides to write or replace a group's entry. An equal one that is young is left as it is: a state
 * told again is no row.
 * @throws RangeError when the directory is full; the caller's own caller asks again
 */
export function registerGroup(
  state: ClusterState,
  entry: GroupEntry,
  nowMs: number,
): Decision<GroupRegistration> {
  const { groupId, topicNames: names, topicIds: ids, allTopics: all } = entry
  const known = state.groups.get(groupId)
  if (known === undefined && state.groups.size >= GROUPS_PER_CLUSTER) {
    throw new RangeError(`a cluster has at most ${GROUPS_PER_CLUSTER} groups`)
  }
  const kept = bounded(entry)
  const same = known !== undefined && isFresh(known.atMs, nowMs) && areEqual(known.entry, kept)
  return {
    changes: same ? [] : [{ kind: 'group', entry: kept, atMs: nowMs }],
    reply: {
      ...groupMetadata(state, { names, ids, all }),
      configs: { ...state.brokerConfigs, ...state.groupConfigs.get(groupId) },
    },
  }
}

/** Decides to take a group out. */
export function removeGroup(state: ClusterState, groupId: string): Decision<void> {
  const known = state.groups.has(groupId)
  return { changes: known ? [{ kind: 'groupGone', groupId }] : [], reply: undefined }
}

/** Every group, sorted by id. */
export function listGroups({ groups }: ClusterState): GroupListing[] {
  return [...groups.values()]
    .map(({ entry: { groupId, type, protocolType, state } }) => ({
      groupId,
      type,
      protocolType,
      state,
    }))
    .sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
}

/** The living topics of these names and ids, sorted by name. */
export function groupMetadata(state: ClusterState, wanted: Wanted): GroupMetadata {
  const found = new Map<TopicId, GroupTopic>()
  const put = (topic: GroupTopic | undefined) => {
    if (topic === undefined) return
    found.set(topic.id, { id: topic.id, name: topic.name, partitions: topic.partitions })
  }
  if (wanted.all) {
    for (const topic of state.topics.values()) put(topic)
  } else {
    for (const name of wanted.names) put(topicNamed(state, name))
    for (const id of wanted.ids) put(state.topics.get(id))
  }
  const topics = [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  return { version: state.metadataVersion, topics }
}

/** All living topics, as the Statistics object is told of them. */
export function catalogueOf(state: ClusterState): CatalogueReport {
  const topics = [...state.topics.values()].map(({ id, name, partitions }) => {
    return { id, name, partitions, written: state.written.get(id)?.size ?? 0 }
  })
  const { clusterId, metadataVersion: version } = state
  return { kind: 'catalogue', version, clusterId, topics }
}

/**
 * Decides to write or replace a transactional id's entry; as registerGroup.
 * @throws RangeError when the directory is full
 */
export function registerTransaction(
  state: ClusterState,
  entry: TransactionEntry,
  nowMs: number,
): Decision<Readonly<Record<string, string>>> {
  const known = state.transactions.get(entry.transactionalId)
  if (known === undefined && state.transactions.size >= TRANSACTIONAL_IDS_PER_CLUSTER) {
    throw new RangeError(`a cluster has at most ${TRANSACTIONAL_IDS_PER_CLUSTER} transactional ids`)
  }
  const kept = plainTransaction(entry)
  const same = known !== undefined && isFresh(known.atMs, nowMs) && areEqual(known.entry, kept)
  return {
    changes: same ? [] : [{ kind: 'transaction', entry: kept, atMs: nowMs }],
    reply: state.brokerConfigs,
  }
}

/** Decides to take a transactional id out. */
export function removeTransaction(state: ClusterState, transactionalId: string): Decision<void> {
  const known = state.transactions.has(transactionalId)
  return { changes: known ? [{ kind: 'transactionGone', transactionalId }] : [], reply: undefined }
}

/** Every transactional id, sorted. */
export function listTransactions({ transactions }: ClusterState): TransactionEntry[] {
  return [...transactions.values()]
    .map(({ entry }) => entry)
    .sort((a, b) => (a.transactionalId < b.transactionalId ? -1 : 1))
}

/** An entry that fits a row: one with too many topics is told of all of them. */
function bounded(entry: GroupEntry): GroupEntry {
  const { groupId, type, protocolType, state, topicIds, topicNames, allTopics } = entry
  const plain = { groupId, type, protocolType, state }
  const names = topicNames.reduce((total, name) => total + name.length, 0)
  const ids = topicIds.reduce((total, id) => total + id.length, 0)
  return names + ids > DIRECTORY_ENTRY_CHARACTERS
    ? { ...plain, topicIds: [], topicNames: [], allTopics: true }
    : { ...plain, topicIds: [...topicIds], topicNames: [...topicNames], allTopics }
}

/** The entry alone: what came over RPC may carry more, and its properties in another order. */
function plainTransaction(entry: TransactionEntry): TransactionEntry {
  const { transactionalId, producerId, state, startTimeMs } = entry
  return { transactionalId, producerId, state, startTimeMs }
}

function isFresh(atMs: number, nowMs: number): boolean {
  return nowMs - atMs < DIRECTORY_REFRESH_MS
}

/** Both were made here, so their texts are alike. */
function areEqual<Entry>(a: Entry, b: Entry): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
