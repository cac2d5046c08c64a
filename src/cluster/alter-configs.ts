// AlterConfigs (the whole set of a resource) and IncrementalAlterConfigs (KIP-339: set, delete, append,
// subtract), for topics, for groups, whether they exist or not (KIP-848), and for the dynamic layers "1"
// and "" of the broker (KIP-226). Errors in the words of Kafka 4.1.1, where a topic's or a group's bad
// value is INVALID_CONFIG and a broker's INVALID_REQUEST.

import { brokerConfig } from '../core/broker-configs.ts'
import { type ConfigDefinition, listEntries } from '../core/config-values.ts'
import {
  brokerRetentionFault,
  type ConfigMap,
  checkBrokerConfigs,
  checkTopicConfigs,
  effectiveBrokerConfig,
  effectiveTopicConfig,
} from '../core/configs.ts'
import { KafkaError } from '../core/errors.ts'
import { CONFIGURED_GROUPS_PER_CLUSTER } from '../core/limits/coordinators.ts'
import { topicConfig } from '../core/topic-configs.ts'
import type {
  AlterConfigsRequest,
  AlterConfigsResponse,
} from '../protocol/messages/alter-configs.ts'
import type { IncrementalAlterConfigsRequest } from '../protocol/messages/incremental-alter-configs.ts'
import type { Change, ClusterState, Decision, DynamicLayer, Topic } from './cluster.ts'
import { topicNamed } from './cluster.ts'
import { checkGroupConfigs } from './group-configs.ts'
import { topicNameFault } from './names.ts'
import { layerChanges, topicConfigChanges } from './propagation.ts'
import { brokerNameFault, ResourceType, unknownResource } from './resources.ts'
import { type Fault, fault } from './topics.ts'

/** Kafka's numbers for the operations of IncrementalAlterConfigs. */
export const AlterOperation = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 } as const

/** One key of a request. */
interface Edit {
  readonly name: string
  readonly operation: number
  readonly value: string | null
}

interface Resource {
  readonly type: number
  readonly name: string
  /** The edits start from nothing (AlterConfigs), not from what is set. */
  readonly replace: boolean
  readonly edits: readonly Edit[]
}

/** Decides AlterConfigs: what is not named goes back to its default. */
export function alterConfigs(
  state: ClusterState,
  request: AlterConfigsRequest,
): Decision<AlterConfigsResponse> {
  const resources = request.resources.map(({ resourceType, resourceName, configs }) => ({
    type: resourceType,
    name: resourceName,
    replace: true,
    edits: configs.map(({ name, value }) => ({ name, value, operation: AlterOperation.SET })),
  }))
  return alter(state, resources, request.validateOnly)
}

/** Decides IncrementalAlterConfigs. */
export function incrementalAlterConfigs(
  state: ClusterState,
  request: IncrementalAlterConfigsRequest,
): Decision<AlterConfigsResponse> {
  const resources = request.resources.map(({ resourceType, resourceName, configs }) => ({
    type: resourceType,
    name: resourceName,
    replace: false,
    edits: configs.map(({ name, value, configOperation }) => ({
      name,
      value,
      operation: configOperation,
    })),
  }))
  return alter(state, resources, request.validateOnly)
}

function alter(
  state: ClusterState,
  resources: readonly Resource[],
  validateOnly: boolean,
): Decision<AlterConfigsResponse> {
  const same = Map.groupBy(resources, ({ type, name }) => `${type} ${name}`)
  const changes: Change[] = []
  const layers: Partial<Record<DynamicLayer, ConfigMap>> = {}
  const responses = resources.map((resource) => {
    const { type, name } = resource
    const shown = { resourceType: type, resourceName: name }
    const once = same.get(`${type} ${name}`)?.length === 1
    const outcome = once
      ? alterResource(state, resource)
      : fault('INVALID_REQUEST', 'Each resource must appear at most once.')
    if ('errorCode' in outcome) return { ...outcome, ...shown }
    if (outcome.layer === null) changes.push(...outcome.changes)
    else layers[outcome.layer] = outcome.configs
    return { errorCode: KafkaError.NONE, errorMessage: null, ...shown }
  })
  changes.push(...layerChanges(state, layers))
  return { changes: validateOnly ? [] : changes, reply: { throttleTimeMs: 0, responses } }
}

type Outcome =
  | Fault
  | { readonly layer: null; readonly changes: readonly Change[] }
  | { readonly layer: DynamicLayer; readonly configs: ConfigMap }

function alterResource(state: ClusterState, resource: Resource): Outcome {
  const { type, edits } = resource
  const names = new Set(edits.map((edit) => edit.name))
  if (names.size < edits.length) {
    return fault('INVALID_REQUEST', 'Error due to duplicate config keys')
  }
  const empty = edits.filter(
    ({ value, operation }) => value === null && operation !== AlterOperation.DELETE,
  )
  if (empty.length > 0) {
    const listed = empty.map((edit) => edit.name).join(',')
    return fault('INVALID_REQUEST', `Null value not supported for : ${listed}`)
  }
  if (type === ResourceType.TOPIC) return alterTopic(state, resource)
  if (type === ResourceType.BROKER) return alterBroker(state, resource)
  if (type === ResourceType.GROUP) return alterGroup(state, resource)
  if (type === ResourceType.BROKER_LOGGER && !resource.replace) return noLogger(resource)
  return unknownResource(type)
}

function alterTopic(state: ClusterState, resource: Resource): Outcome {
  const { name } = resource
  if (name === '') return fault('INVALID_REQUEST', 'Default topic resources are not allowed.')
  const invalid = topicNameFault(name)
  if (invalid !== null) return fault('INVALID_TOPIC_EXCEPTION', invalid)
  const topic = topicNamed(state, name)
  if (topic === undefined) {
    return fault('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${name}' does not exist.`)
  }
  const edited = editConfigs(topic.configs, resource, (key) => topicList(state, topic, key))
  if ('errorCode' in edited) return edited
  const checked = checkTopicConfigs(edited.configs, state.layers, topic.configs)
  if ('error' in checked) return fault('INVALID_CONFIG', checked.error)
  return { layer: null, changes: topicConfigChanges(state, topic, checked.configs) }
}

function alterGroup(state: ClusterState, resource: Resource): Outcome {
  const { name: groupId } = resource
  if (groupId === '') return fault('INVALID_REQUEST', 'Default group resources are not allowed.')
  const own = state.groupConfigs.get(groupId)
  if (own === undefined && state.groupConfigs.size >= CONFIGURED_GROUPS_PER_CLUSTER) {
    const most = `At most ${CONFIGURED_GROUPS_PER_CLUSTER} groups have configurations of their own.`
    return fault('POLICY_VIOLATION', most)
  }
  const edited = editConfigs(own ?? {}, resource, () => null)
  if ('errorCode' in edited) return edited
  const checked = checkGroupConfigs(edited.configs, state.layers)
  if ('error' in checked) return fault('INVALID_CONFIG', checked.error)
  const same = JSON.stringify(checked.configs) === JSON.stringify(own ?? {})
  const { configs } = checked
  return { layer: null, changes: same ? [] : [{ kind: 'groupConfigs', groupId, configs }] }
}

/**
 * Unlike Kafka, which keeps unknown names for plug-ins, a misspelt name is refused; to delete one is
 * nothing (kafka-reassign-partitions deletes throttles that no broker here has).
 */
function alterBroker(state: ClusterState, resource: Resource): Outcome {
  const { name, edits } = resource
  const invalid = brokerNameFault(name)
  if (invalid !== null) return invalid
  const known = edits.filter((edit) => brokerConfig(edit.name) !== undefined)
  const unknown = edits.find(
    (edit) => !known.includes(edit) && edit.operation !== AlterOperation.DELETE,
  )
  if (unknown !== undefined) {
    return fault('INVALID_CONFIG', `Unknown broker config name: ${unknown.name}`)
  }
  const rigid = known.filter((edit) => brokerConfig(edit.name)?.change !== 'dynamic')
  if (rigid.length > 0) {
    const listed = rigid.map((edit) => edit.name).join(', ')
    return fault('INVALID_REQUEST', `Cannot update these configs dynamically: Set(${listed})`)
  }
  const layer = name === '' ? 'dynamicDefault' : 'dynamicBroker'
  const own = state.layers[layer]
  const edited = editConfigs(own, resource, (key) => brokerList(state, own, key))
  if ('errorCode' in edited) return edited
  const checked = checkBrokerConfigs(edited.configs)
  if ('error' in checked) return fault('INVALID_REQUEST', checked.error)
  const layers = { ...state.layers, [layer]: checked.configs }
  const conflict = edits.some((edit) => RETENTION.test(edit.name))
    ? brokerRetentionFault(layers)
    : null
  if (conflict !== null) return fault('INVALID_REQUEST', conflict)
  return { layer, configs: checked.configs }
}

/** Defaults of how long, or how much, is kept at all and locally. */
const RETENTION = /^log\.(local\.)?retention\.(ms|minutes|hours|bytes)$/

function noLogger({ name, edits }: Resource): Fault {
  const invalid = brokerNameFault(name)
  if (invalid !== null) return invalid
  return fault('INVALID_CONFIG', `Logger ${edits[0]?.name ?? ''} does not exist!`)
}

/** The value that append and subtract start from, or null when the key is no list. */
type ListValue = (key: string) => string | null

function editConfigs(
  own: ConfigMap,
  { edits, replace }: Resource,
  listValue: ListValue,
): Fault | { readonly configs: ConfigMap } {
  const result = new Map(replace ? [] : Object.entries(own))
  for (const { name, operation, value } of edits) {
    if (operation === AlterOperation.DELETE) {
      result.delete(name)
    } else if (operation === AlterOperation.SET) {
      result.set(name, value ?? '')
    } else if (operation === AlterOperation.APPEND || operation === AlterOperation.SUBTRACT) {
      const list = listValue(name)
      const verb = operation === AlterOperation.APPEND ? 'APPEND' : 'SUBTRACT'
      if (list === null) {
        const why = `Can't ${verb} to key ${name} because its type is not LIST.`
        return fault('INVALID_CONFIG', why)
      }
      result.set(name, editList(list, verb, value ?? ''))
    } else {
      return fault('INVALID_REQUEST', `Unknown operation ${operation} for ${name}.`)
    }
  }
  return { configs: Object.fromEntries(result) }
}

function editList(list: string, verb: 'APPEND' | 'SUBTRACT', value: string): string {
  const entries = listEntries(list)
  const named = value.split(',').map((entry) => entry.trim())
  const rest = entries.filter((entry) => !named.includes(entry))
  if (verb === 'SUBTRACT') return rest.join(',')
  return [...entries, ...named.filter((entry) => !entries.includes(entry))].join(',')
}

function topicList(state: ClusterState, topic: Topic, key: string): string | null {
  const config = topicConfig(key)
  if (!isList(config)) return null
  return effectiveTopicConfig(config, topic.configs, state.layers).value
}

function brokerList(state: ClusterState, own: ConfigMap, key: string): string | null {
  const config = brokerConfig(key)
  if (!isList(config)) return null
  return own[key] ?? effectiveBrokerConfig(config, state.layers).value
}

function isList<Definition extends ConfigDefinition>(
  config: Definition | undefined,
): config is Definition {
  return config?.type === 'LIST'
}
