// DescribeConfigs: what every configuration comes to, where its value comes from and what it means.
// Topics, groups, broker "1" (all in force) and broker "" (the cluster's dynamic defaults). Ottla has no
// loggers to set, so a broker logger has none to show. KIP-226 synonyms, KIP-569 types and texts.

import { BROKER_CONFIGS, type BrokerConfig } from '../core/broker-configs.ts'
import { configDoc } from '../core/config-docs.ts'
import type { ConfigDefinition, ConfigType } from '../core/config-values.ts'
import {
  type ConfigMap,
  ConfigSource,
  type EffectiveConfig,
  effectiveBrokerConfig,
  effectiveTopicConfig,
} from '../core/configs.ts'
import { KafkaError } from '../core/errors.ts'
import { GROUP_CONFIGS } from '../core/group-configs.ts'
import { CONFIG_ENTRIES_PER_ANSWER } from '../core/limits.ts'
import { TOPIC_CONFIGS, type TopicConfig } from '../core/topic-configs.ts'
import type {
  DescribeConfigsRequest,
  DescribeConfigsResponse,
} from '../protocol/messages/describe-configs.ts'
import { type ClusterState, topicNamed } from './cluster.ts'
import { groupValue } from './group-configs.ts'
import { topicNameFault } from './names.ts'
import { describedNameFault, ResourceType, unknownResource } from './resources.ts'
import { type Fault, fault } from './topics.ts'

type Resource = DescribeConfigsRequest['resources'][number]
type Result = DescribeConfigsResponse['results'][number]
type Entry = Result['configs'][number]

const TYPE_NUMBERS: Readonly<Record<ConfigType, number>> = {
  BOOLEAN: 1,
  STRING: 2,
  INT: 3,
  SHORT: 4,
  LONG: 5,
  DOUBLE: 6,
  LIST: 7,
  CLASS: 8,
  PASSWORD: 9,
}

/** The broker configurations that give a topic's default, by name, with that topic configuration. */
const TOPIC_NAMES = new Map(
  TOPIC_CONFIGS.flatMap((config) =>
    config.synonyms.map((synonym) => [synonym.name, config.name] as const),
  ),
)

/** Answers DescribeConfigs. Null or no names of a resource mean all, unknown ones are left out. */
export function describeConfigs(
  state: ClusterState,
  request: DescribeConfigsRequest,
): DescribeConfigsResponse {
  const show: Show = (definition, effective, readOnly) => ({
    name: definition.name,
    value: effective.value,
    readOnly,
    configSource: effective.source,
    isSensitive: false,
    synonyms: request.includeSynonyms ? [...effective.synonyms] : [],
    configType: TYPE_NUMBERS[definition.type],
    documentation: request.includeDocumentation
      ? configDoc(definition.name, TOPIC_NAMES.get(definition.name))
      : null,
  })
  const plain = new Map<string, Entry>()
  let entries = 0
  const results = request.resources.map((resource): Result => {
    const { resourceType, resourceName } = resource
    const described =
      entries > CONFIG_ENTRIES_PER_ANSWER
        ? fault('INVALID_REQUEST', 'Too many resources in one request.')
        : describeResource(state, resource, show, plain)
    if ('errorCode' in described) return { ...described, resourceType, resourceName, configs: [] }
    entries += described.length + 1
    return {
      errorCode: KafkaError.NONE,
      errorMessage: '',
      resourceType,
      resourceName,
      configs: described,
    }
  })
  return { throttleTimeMs: 0, results }
}

type Show = (definition: ConfigDefinition, effective: EffectiveConfig, readOnly: boolean) => Entry

function describeResource(
  state: ClusterState,
  resource: Resource,
  show: Show,
  plain: Map<string, Entry>,
): Entry[] | Fault {
  const { resourceType: type, resourceName: name } = resource
  if (type === ResourceType.TOPIC) return describeTopic(state, resource, show, plain)
  if (type === ResourceType.GROUP) return describeGroup(state, resource, show)
  if (type !== ResourceType.BROKER && type !== ResourceType.BROKER_LOGGER) {
    return unknownResource(type)
  }
  const invalid = describedNameFault(type, name)
  if (invalid !== null) return invalid
  if (type === ResourceType.BROKER_LOGGER) return []
  const wanted = selected(BROKER_CONFIGS, resource.configurationKeys)
  return name === '' ? describeDefaults(state, wanted, show) : describeBroker(state, wanted, show)
}

/** Topics without a value of their own share an entry, so that an answer for many stays small. */
function describeTopic(
  state: ClusterState,
  resource: Resource,
  show: Show,
  plain: Map<string, Entry>,
): Entry[] | Fault {
  const invalid = topicNameFault(resource.resourceName)
  if (invalid !== null) return fault('INVALID_TOPIC_EXCEPTION', invalid)
  const topic = topicNamed(state, resource.resourceName)
  if (topic === undefined) return fault('UNKNOWN_TOPIC_OR_PARTITION', '')
  const entry = (config: TopicConfig, own: ConfigMap) =>
    show(config, effectiveTopicConfig(config, own, state.layers), false)
  return selected(TOPIC_CONFIGS, resource.configurationKeys).map((config) => {
    if (topic.configs[config.name] !== undefined) return entry(config, topic.configs)
    const shared = plain.get(config.name) ?? entry(config, {})
    plain.set(config.name, shared)
    return shared
  })
}

/** A group need not exist. What is not its own is called a default, as Kafka does. */
function describeGroup(state: ClusterState, resource: Resource, show: Show): Entry[] | Fault {
  const { resourceName, configurationKeys } = resource
  if (resourceName === '') return fault('INVALID_REQUEST', 'Group name must not be empty')
  const own = state.groupConfigs.get(resourceName) ?? {}
  return selected(GROUP_CONFIGS, configurationKeys).map((config) => {
    const value = groupValue(config, own, state.layers)
    const source = own[config.name] === undefined ? ConfigSource.DEFAULT : ConfigSource.GROUP
    const synonyms = [{ name: config.name, value, source }]
    return show(config, { value, source, synonyms }, false)
  })
}

function describeBroker(state: ClusterState, wanted: readonly BrokerConfig[], show: Show): Entry[] {
  return wanted.map((config) =>
    show(config, effectiveBrokerConfig(config, state.layers), config.change !== 'dynamic'),
  )
}

function describeDefaults(
  state: ClusterState,
  wanted: readonly BrokerConfig[],
  show: Show,
): Entry[] {
  const source = ConfigSource.DYNAMIC_DEFAULT_BROKER
  return wanted.flatMap((config) => {
    const value = state.layers.dynamicDefault[config.name]
    if (value === undefined) return []
    const synonyms = [{ name: config.name, value, source }]
    return [show(config, { value, source, synonyms }, false)]
  })
}

function selected<Definition extends ConfigDefinition>(
  definitions: readonly Definition[],
  names: readonly string[] | null,
): readonly Definition[] {
  if (names === null || names.length === 0) return definitions
  const wanted = new Set(names)
  return definitions.filter((definition) => wanted.has(definition.name))
}
