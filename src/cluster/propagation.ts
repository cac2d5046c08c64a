// How a change of configuration travels: versions rise only when a topic's settings change, and the
// notices for partitions that were ever written go into the same transaction (the outbox). A version
// is the topic's plus the broker's, so one number in the broker raises all topics at once. Creations,
// growth and deletions of topics travel the same way to the groups concerned (the metadata version).

import type { BrokerLayers, ConfigMap } from '../core/configs.ts'
import { topicSettings } from '../core/configs.ts'
import type { Change, ClusterState, DynamicLayer, Topic } from './cluster.ts'
import { configVersion, settingsOf } from './cluster.ts'

/** The changes that give a topic these configurations. */
export function topicConfigChanges(
  state: ClusterState,
  topic: Topic,
  configs: ConfigMap,
): Change[] {
  const settings = fingerprint(configs, state.layers)
  const same = settings === JSON.stringify(settingsOf(state, topic))
  const version = same ? topic.version : topic.version + 1
  const altered: Topic = { ...topic, configs, version }
  const put: Change = { kind: 'topic', topic: altered }
  if (same || !wasWritten(state, topic)) return [put]
  return [put, { kind: 'notice', id: topic.id, version: configVersion(state, altered) }]
}

/** The changes that give the broker's dynamic layers these values. */
export function layerChanges(
  state: ClusterState,
  layers: Partial<Record<DynamicLayer, ConfigMap>>,
): Change[] {
  const changes: Change[] = []
  for (const layer of ['dynamicBroker', 'dynamicDefault'] as const) {
    const configs = layers[layer]
    if (configs !== undefined) changes.push({ kind: 'layer', layer, configs })
  }
  const after = { ...state.layers, ...layers }
  const settings = fingerprint({}, after)
  if (settings === JSON.stringify(state.defaultSettings)) return changes
  return [...changes, ...brokerVersionChanges(state, after, settings)]
}

/**
 * The changes after a start whose static configuration (or defaults of the code) differ from what
 * partitions were last told.
 * @param told the settings of the last brokerVersion change
 */
export function startChanges(state: ClusterState, told: string | null): Change[] {
  const settings = fingerprint({}, state.layers)
  if (settings === told) return []
  const version = state.brokerVersion + 1
  const notices = [...state.topics.values()].filter((topic) => wasWritten(state, topic))
  return [
    { kind: 'brokerVersion', version, settings },
    ...notices.map(({ id, version: own }): Change => noticeOf(id, own + version)),
  ]
}

/**
 * A decision's changes with what groups are owed for them: the metadata version rises once, and each
 * group registered for a topic that comes, grows or goes, or whose configuration changes, has a notice.
 * Every notice has a version of its own, so that a group which compares versions misses none.
 */
export function withGroupNotices(
  state: ClusterState,
  changes: readonly Change[],
): readonly Change[] {
  const concerned = new Set<string>()
  let altered = false
  for (const change of changes) {
    if (change.kind === 'groupConfigs' && state.groups.has(change.groupId)) {
      concerned.add(change.groupId)
    }
    const topic = alteredTopic(state, change)
    if (topic === undefined) continue
    altered = true
    for (const groupId of state.interests.of(topic.name, topic.id)) concerned.add(groupId)
  }
  if (!altered && concerned.size === 0) return changes
  const version = state.metadataVersion + 1
  const notices = [...concerned].map(
    (groupId): Change => ({ kind: 'groupNotice', groupId, version }),
  )
  return [...changes, { kind: 'metadataVersion', version }, ...notices]
}

/** The topic that a change creates, grows or deletes. */
function alteredTopic(state: ClusterState, change: Change): Topic | undefined {
  if (change.kind === 'doomed') return state.topics.get(change.id)
  if (change.kind !== 'topic') return undefined
  const partitions = state.topics.get(change.topic.id)?.partitions
  return partitions === change.topic.partitions ? undefined : change.topic
}

function brokerVersionChanges(
  state: ClusterState,
  after: BrokerLayers,
  settings: string,
): Change[] {
  const version = state.brokerVersion + 1
  const notices = [...state.topics.values()].filter(
    (topic) =>
      wasWritten(state, topic) &&
      fingerprint(topic.configs, after) !== JSON.stringify(settingsOf(state, topic)),
  )
  return [
    { kind: 'brokerVersion', version, settings },
    ...notices.map(({ id, version: own }): Change => noticeOf(id, own + version)),
  ]
}

function noticeOf(id: Topic['id'], version: number): Change {
  return { kind: 'notice', id, version }
}

function wasWritten(state: ClusterState, topic: Topic): boolean {
  return (state.written.get(topic.id)?.size ?? 0) > 0
}

function fingerprint(own: ConfigMap, layers: BrokerLayers): string {
  return JSON.stringify(topicSettings(own, layers))
}
