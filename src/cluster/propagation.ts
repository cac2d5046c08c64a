// How a change of configuration travels: versions rise only when a topic's settings change, and the
// notices for partitions that were ever written go into the same transaction (the outbox). A version
// is the topic's plus the broker's, so one number in the broker raises all topics at once.

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
