// A controller without a Durable Object: the pure commands over SQLite in memory. Tests of the cluster
// and of handlers share it.

import { DatabaseSync } from 'node:sqlite'
import { alterConfigs, incrementalAlterConfigs } from '../../src/cluster/alter-configs.ts'
import type { Change, ClusterState, Decision } from '../../src/cluster/cluster.ts'
import type { GroupEntry, TransactionEntry } from '../../src/cluster/contract.ts'
import { deleteTopics } from '../../src/cluster/deletion.ts'
import { describeConfigs } from '../../src/cluster/describe-configs.ts'
import {
  registerGroup,
  registerTransaction,
  removeGroup,
  removeTransaction,
} from '../../src/cluster/directory.ts'
import { updateFeatures } from '../../src/cluster/features.ts'
import { lookup } from '../../src/cluster/lookup.ts'
import { admit, createPartitions } from '../../src/cluster/partitions.ts'
import { startChanges, withGroupNotices } from '../../src/cluster/propagation.ts'
import { commit, load } from '../../src/cluster/store.ts'
import { createTopics } from '../../src/cluster/topics.ts'
import type { ConfigMap } from '../../src/core/configs.ts'
import { type TopicId, ZERO_TOPIC_ID } from '../../src/core/ids.ts'
import type { SqlValue, Storage } from '../../src/runtime/storage.ts'

/** Storage as the platform gives it, over an SQLite database in memory. */
export function memoryStorage(): Storage & { readonly database: DatabaseSync } {
  const database = new DatabaseSync(':memory:')
  return {
    database,
    sql: {
      exec(query: string, ...bindings: SqlValue[]) {
        // The controller binds texts and numbers alone.
        const rows = database.prepare(query).all(...(bindings as (string | number | null)[]))
        return { toArray: () => rows as Record<string, string | number | null>[] }
      },
    },
    transactionSync(closure) {
      database.exec('BEGIN')
      try {
        const result = closure()
        database.exec('COMMIT')
        return result
      } catch (error) {
        database.exec('ROLLBACK')
        throw error
      }
    },
  }
}

/** A controller over a storage; open another over the same storage to restart it. */
export function openCluster(storage: Storage = memoryStorage(), staticConfigs: ConfigMap = {}) {
  let ids = 0
  const newId = () =>
    `topic-${Math.random().toString(36).slice(2, 8)}-${ids++}`.padEnd(22, 'x') as TopicId
  const { state, toldSettings } = load(storage, () => 'cluster-id-of-22-chars', staticConfigs)
  const keep = (changes: readonly Change[]) => commit(storage, state, changes)
  const run = <Reply>(decision: Decision<Reply>): Reply => {
    keep(withGroupNotices(state, decision.changes))
    return decision.reply
  }
  keep(startChanges(state, toldSettings))
  return {
    state: state as ClusterState,
    storage,
    keep,
    /** Creates topics, with as little said as possible. */
    create(topics: readonly Partial<CreatableTopic>[], validateOnly = false) {
      const full = topics.map((topic) => ({ ...PLAIN_TOPIC, ...topic }))
      return run(createTopics(state, { topics: full, timeoutMs: 1, validateOnly }, newId)).topics
    },
    grow(topics: readonly Partial<GrowingTopic>[], validateOnly = false) {
      const full = topics.map((topic) => ({ name: 't', count: 2, assignments: null, ...topic }))
      const request = { topics: full, timeoutMs: 1, validateOnly }
      return run(createPartitions(state, request)).results
    },
    delete(topics: readonly { name?: string | null; topicId?: TopicId }[], version = 6) {
      const full = topics.map((topic) => ({ name: null, topicId: ZERO_TOPIC_ID, ...topic }))
      const topicNames = version < 6 ? full.map(({ name }) => name ?? '') : []
      const request = { topics: full, topicNames, timeoutMs: 1 }
      return run(deleteTopics(state, request, version)).responses
    },
    lookup: (request: Parameters<typeof lookup>[1]) => run(lookup(state, request, newId)),
    admit: (id: TopicId, partition: number, writing: boolean) =>
      run(admit(state, id, partition, writing)),
    /** Enters a group that has to do with no topic unless said. */
    register: (groupId: string, entry: Partial<GroupEntry> = {}, nowMs = 0) =>
      run(registerGroup(state, { ...PLAIN_GROUP, ...entry, groupId }, nowMs)),
    removeGroup: (groupId: string) => run(removeGroup(state, groupId)),
    registerTransaction: (id: string, entry: Partial<TransactionEntry> = {}, nowMs = 0) =>
      run(
        registerTransaction(state, { ...PLAIN_TRANSACTION, ...entry, transactionalId: id }, nowMs),
      ),
    removeTransaction: (id: string) => run(removeTransaction(state, id)),
    /** Sets levels of features, downgrades allowed. */
    updateFeatures(levels: Record<string, number>) {
      const featureUpdates = Object.entries(levels).map(([feature, maxVersionLevel]) => ({
        feature,
        maxVersionLevel,
        allowDowngrade: true,
        upgradeType: 1,
      }))
      return run(updateFeatures(state, { timeoutMs: 1, featureUpdates, validateOnly: false }, 0))
    },
    /** Sets (or, with null, deletes) configurations of one resource. */
    set(resourceType: number, resourceName: string, configs: Record<string, string | null>) {
      const edits = Object.entries(configs).map(([name, value]) => ({
        name,
        value,
        configOperation: value === null ? 1 : 0,
      }))
      const resources = [{ resourceType, resourceName, configs: edits }]
      return run(incrementalAlterConfigs(state, { resources, validateOnly: false })).responses
    },
    incremental: (request: Parameters<typeof incrementalAlterConfigs>[1]) =>
      run(incrementalAlterConfigs(state, request)).responses,
    alter: (request: Parameters<typeof alterConfigs>[1]) =>
      run(alterConfigs(state, request)).responses,
    describe: (request: Parameters<typeof describeConfigs>[1]) =>
      describeConfigs(state, request).results,
    /** One entry of a resource, with synonyms. */
    entry(resourceType: number, resourceName: string, name: string) {
      const resources = [{ resourceType, resourceName, configurationKeys: [name] }]
      const request = { resources, includeSynonyms: true, includeDocumentation: true }
      return describeConfigs(state, request).results[0]!.configs[0]!
    },
  }
}

const PLAIN_GROUP: GroupEntry = {
  groupId: 'g',
  type: 'classic',
  protocolType: 'consumer',
  state: 'Empty',
  topicIds: [],
  topicNames: [],
  allTopics: false,
}

const PLAIN_TRANSACTION: TransactionEntry = {
  transactionalId: 'x',
  producerId: 1,
  state: 'Empty',
  startTimeMs: -1,
}

type CreatableTopic = Parameters<typeof createTopics>[1]['topics'][number]
type GrowingTopic = Parameters<typeof createPartitions>[1]['topics'][number]

const PLAIN_TOPIC: CreatableTopic = {
  name: 't',
  numPartitions: -1,
  replicationFactor: -1,
  assignments: [],
  configs: [],
}
