// The cluster controller's state and the changes it goes through. Commands (topics.ts,
// describe-configs.ts, alter-configs.ts, …) read a state and answer a Decision; store.ts writes its
// changes in one transaction, and only then `apply` makes them true in memory. No IO, no clock.

import type { BrokerLayers, ConfigMap, TopicSettings } from '../core/configs.ts'
import { brokerValues, NO_LAYERS, topicSettings } from '../core/configs.ts'
import type { TopicId } from '../core/ids.ts'
import type { FinalizedFeatures, GroupEntry, TopicState, TransactionEntry } from './contract.ts'
import { GroupInterests } from './interests.ts'
import { collisionKey } from './names.ts'
import { applySecurity, emptySecurity, type KeptSecurity, type SecurityChange } from './security.ts'

/** A topic that is alive. Replaced whole, never changed. */
export interface Topic {
  readonly id: TopicId
  readonly name: string
  readonly partitions: number
  /** The topic's own configurations in canonical text. */
  readonly configs: ConfigMap
  /** Rises when the topic's own configurations change its settings. */
  readonly version: number
}

/** What a deleted topic still needs: fences first, then its storage is freed. */
export type Stage = 'fencing' | 'freeing'

/** The two layers of broker configuration that AlterConfigs changes. */
export type DynamicLayer = 'dynamicBroker' | 'dynamicDefault'

/** An entry of the directory, and when it was last written or confirmed: milliseconds since the epoch. */
export interface Registered<Entry> {
  readonly entry: Entry
  readonly atMs: number
}

/** One durable change. The rows of a Decision are written together or not at all. */
export type Change =
  | { readonly kind: 'topic'; readonly topic: Topic }
  | { readonly kind: 'doomed'; readonly id: TopicId }
  | { readonly kind: 'fenced'; readonly id: TopicId }
  | { readonly kind: 'forgotten'; readonly id: TopicId }
  | { readonly kind: 'written'; readonly id: TopicId; readonly partition: number }
  | { readonly kind: 'freed'; readonly id: TopicId; readonly partition: number }
  | { readonly kind: 'layer'; readonly layer: DynamicLayer; readonly configs: ConfigMap }
  | { readonly kind: 'brokerVersion'; readonly version: number; readonly settings: string }
  | { readonly kind: 'notice'; readonly id: TopicId; readonly version: number }
  | { readonly kind: 'noticed'; readonly id: TopicId }
  | { readonly kind: 'producerIds'; readonly next: number }
  | { readonly kind: 'group'; readonly entry: GroupEntry; readonly atMs: number }
  | { readonly kind: 'groupGone'; readonly groupId: string }
  | { readonly kind: 'groupConfigs'; readonly groupId: string; readonly configs: ConfigMap }
  | { readonly kind: 'transaction'; readonly entry: TransactionEntry; readonly atMs: number }
  | { readonly kind: 'transactionGone'; readonly transactionalId: string }
  | { readonly kind: 'metadataVersion'; readonly version: number }
  | { readonly kind: 'groupNotice'; readonly groupId: string; readonly version: number }
  | { readonly kind: 'groupNoticed'; readonly groupId: string }
  | { readonly kind: 'feature'; readonly name: string; readonly level: number }
  | { readonly kind: 'featuresEpoch'; readonly epoch: number }
  | { readonly kind: 'swept'; readonly atMs: number }
  | SecurityChange

/** What a command comes to: changes to write, then the reply. */
export interface Decision<Reply> {
  readonly changes: readonly Change[]
  readonly reply: Reply
}

/** Everything the controller knows. Read by commands, changed by `apply` alone. */
export interface ClusterState {
  readonly clusterId: string
  readonly topics: Map<TopicId, Topic>
  readonly names: Map<string, TopicId>
  /** Partitions of all living topics. */
  partitions: number
  /** Names by what they collide on (`.` and `_` are one character in metric names). */
  readonly collisions: Map<string, string | readonly string[]>
  /** Partitions that were ever written, of living and of deleted topics. */
  readonly written: Map<TopicId, Set<number>>
  readonly deleting: Map<TopicId, Stage>
  /** Topics whose written partitions have not all heard of this configuration version. */
  readonly notices: Map<TopicId, number>
  /** The directory: every group and transactional id that has state somewhere. */
  readonly groups: Map<string, Registered<GroupEntry>>
  readonly transactions: Map<string, Registered<TransactionEntry>>
  /** Which groups are told of which topics. */
  readonly interests: GroupInterests
  /** Configurations of groups, of those that exist and of those that do not yet. */
  readonly groupConfigs: Map<string, ConfigMap>
  /** Groups that have not heard of this metadata version. */
  readonly groupNotices: Map<string, number>
  /** Rises with every creation, growth and deletion of topics. */
  metadataVersion: number
  /** A level of 0 is not finalized. */
  features: FinalizedFeatures
  /** When the directory was last swept. */
  sweptMs: number
  /** Users' credentials, access rules and quotas. */
  security: KeptSecurity
  layers: BrokerLayers
  /** Effective broker configuration by Kafka's names; follows from the layers. */
  brokerConfigs: ConfigMap
  /** Rises when the broker's configuration changes the settings of a topic without its own. */
  brokerVersion: number
  /** Producer ids from here on were never given out. */
  nextProducerId: number
  /** Made when first asked for. */
  readonly views: Map<TopicId, TopicState>
  defaultSettings: TopicSettings
}

/** A cluster in which nothing happened yet. */
export function emptyCluster(clusterId: string): ClusterState {
  return {
    clusterId,
    topics: new Map(),
    names: new Map(),
    partitions: 0,
    collisions: new Map(),
    written: new Map(),
    deleting: new Map(),
    notices: new Map(),
    groups: new Map(),
    transactions: new Map(),
    interests: new GroupInterests(),
    groupConfigs: new Map(),
    groupNotices: new Map(),
    metadataVersion: 0,
    features: { epoch: 0, levels: {} },
    sweptMs: 0,
    security: emptySecurity(),
    layers: NO_LAYERS,
    brokerConfigs: brokerValues(NO_LAYERS),
    brokerVersion: 0,
    nextProducerId: 0,
    views: new Map(),
    defaultSettings: topicSettings({}, NO_LAYERS),
  }
}

/** The version that partitions and callers compare: it rises with the topic's and the broker's. */
export function configVersion(state: ClusterState, topic: Topic): number {
  return topic.version + state.brokerVersion
}

/** The settings of a topic. Topics without their own configurations share one object. */
export function settingsOf(state: ClusterState, topic: Topic): TopicSettings {
  return viewOf(state, topic).settings
}

/** A living topic as the broker caches it. */
export function viewOf(state: ClusterState, topic: Topic): TopicState {
  const known = state.views.get(topic.id)
  if (known !== undefined) return known
  const view = makeView(state, topic)
  state.views.set(topic.id, view)
  return view
}

/** The same of a topic that is not there yet. */
export function makeView(state: ClusterState, topic: Topic): TopicState {
  const plain = isEmpty(topic.configs)
  return {
    name: topic.name,
    id: topic.id,
    partitions: topic.partitions,
    configVersion: configVersion(state, topic),
    settings: plain ? state.defaultSettings : topicSettings(topic.configs, state.layers),
  }
}

/** A living topic by name. */
export function topicNamed(state: ClusterState, name: string): Topic | undefined {
  const id = state.names.get(name)
  return id === undefined ? undefined : state.topics.get(id)
}

/** Sets the layers and what follows from them. */
export function setLayers(state: ClusterState, layers: BrokerLayers): void {
  state.layers = layers
  state.brokerConfigs = brokerValues(layers)
  state.defaultSettings = topicSettings({}, layers)
  state.views.clear()
}

/** Makes a written change true in memory. */
export function apply(state: ClusterState, change: Change): void {
  switch (change.kind) {
    case 'topic':
      putTopic(state, change.topic)
      return
    case 'doomed':
      dropTopic(state, change.id)
      state.notices.delete(change.id)
      state.deleting.set(change.id, 'fencing')
      return
    case 'fenced':
      state.deleting.set(change.id, 'freeing')
      return
    case 'forgotten':
      state.deleting.delete(change.id)
      state.written.delete(change.id)
      return
    case 'written': {
      const partitions = state.written.get(change.id) ?? new Set()
      state.written.set(change.id, partitions.add(change.partition))
      return
    }
    case 'freed':
      state.written.get(change.id)?.delete(change.partition)
      return
    case 'layer':
      setLayers(state, { ...state.layers, [change.layer]: change.configs })
      return
    case 'brokerVersion':
      state.brokerVersion = change.version
      state.views.clear()
      return
    case 'notice':
      state.notices.set(change.id, change.version)
      return
    case 'noticed':
      state.notices.delete(change.id)
      return
    case 'producerIds':
      state.nextProducerId = change.next
      return
    case 'group':
      putGroup(state, change)
      return
    case 'groupGone':
      state.interests.remove(state.groups.get(change.groupId)?.entry)
      state.groups.delete(change.groupId)
      state.groupNotices.delete(change.groupId)
      return
    case 'groupConfigs':
      if (isEmpty(change.configs)) state.groupConfigs.delete(change.groupId)
      else state.groupConfigs.set(change.groupId, change.configs)
      return
    case 'transaction':
      state.transactions.set(change.entry.transactionalId, registered(change))
      return
    case 'transactionGone':
      state.transactions.delete(change.transactionalId)
      return
    case 'metadataVersion':
      state.metadataVersion = change.version
      return
    case 'groupNotice':
      state.groupNotices.set(change.groupId, change.version)
      return
    case 'groupNoticed':
      state.groupNotices.delete(change.groupId)
      return
    case 'feature': {
      const { epoch, levels } = state.features
      state.features = { epoch, levels: { ...levels, [change.name]: change.level } }
      return
    }
    case 'featuresEpoch':
      state.features = { ...state.features, epoch: change.epoch }
      return
    case 'swept':
      state.sweptMs = change.atMs
      return
    default:
      applySecurity(state.security, change)
  }
}

function putGroup(state: ClusterState, change: Registered<GroupEntry>): void {
  const { groupId } = change.entry
  state.interests.remove(state.groups.get(groupId)?.entry)
  state.interests.add(change.entry)
  state.groups.set(groupId, registered(change))
}

function registered<Entry>({ entry, atMs }: Registered<Entry>): Registered<Entry> {
  return { entry, atMs }
}

/** True of a configuration in which nothing is set. */
export function isEmpty(configs: ConfigMap): boolean {
  return Object.keys(configs).length === 0
}

function putTopic(state: ClusterState, topic: Topic): void {
  state.partitions += topic.partitions - (state.topics.get(topic.id)?.partitions ?? 0)
  state.topics.set(topic.id, topic)
  state.names.set(topic.name, topic.id)
  state.views.delete(topic.id)
  const key = collisionKey(topic.name)
  const names = collisionsOf(state, key)
  // There is one for each topic, nearly always of one name: nothing is made around that.
  if (names.length === 0) state.collisions.set(key, topic.name)
  else if (!names.includes(topic.name)) state.collisions.set(key, [...names, topic.name])
}

function dropTopic(state: ClusterState, id: TopicId): void {
  const topic = state.topics.get(id)
  if (topic === undefined) return
  state.partitions -= topic.partitions
  state.topics.delete(id)
  state.names.delete(topic.name)
  state.views.delete(id)
  const key = collisionKey(topic.name)
  const others = collisionsOf(state, key).filter((name) => name !== topic.name)
  if (others.length === 0) state.collisions.delete(key)
  else state.collisions.set(key, others)
}

/** The names of topics that collide under the key, in the order in which they came. */
export function collisionsOf(state: ClusterState, key: string): readonly string[] {
  const names = state.collisions.get(key)
  if (names === undefined) return []
  return typeof names === 'string' ? [names] : names
}
