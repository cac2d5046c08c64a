// Configurations of a topic, a group or the broker, by the broker's handlers: showing them with source and
// default, and changing them. Not what they may be: Cluster checks.

import type { BrokerContext } from '../broker/context.ts'
import { describeConfigs } from '../broker/handlers/describe-configs.ts'
import { incrementalAlterConfigs } from '../broker/handlers/incremental-alter-configs.ts'
import { brokerConfig } from '../core/broker-configs.ts'
import { ConfigSource } from '../core/configs.ts'
import { groupConfig } from '../core/group-configs.ts'
import { BROKER_ID } from '../core/ids.ts'
import { topicConfig } from '../core/topic-configs.ts'
import type { DescribeConfigsResponse } from '../protocol/messages/describe-configs.ts'
import type { Problem } from './problem.ts'
import { type ErrorFields, refusal } from './refusal.ts'

const DESCRIBE_CONFIGS = { version: 4, clientId: null }
const ALTER_CONFIGS = { version: 1, clientId: null }
const SET = 0
const DELETE = 1

/** Kafka's numbers for kinds of resources, and the source of what is set on one itself. */
const KINDS = {
  topic: { type: 2, own: ConfigSource.TOPIC },
  group: { type: 32, own: ConfigSource.GROUP },
  broker: { type: 4, own: ConfigSource.DYNAMIC_BROKER },
} as const

/** What has configurations. */
export interface ConfigResource {
  readonly kind: keyof typeof KINDS
  readonly name: string
}

/** The one broker. */
export const BROKER: ConfigResource = { kind: 'broker', name: String(BROKER_ID) }

/** A configuration as HTTP shows it. */
export interface ShownConfig {
  readonly name: string
  readonly value: string | null
  /** What holds when nothing is set on this resource. */
  readonly default: string | null
  readonly source: string
  readonly isSetHere: boolean
  readonly readOnly: boolean
  readonly sensitive: boolean
  readonly type: string
  readonly documentation: string | null
}

type Entry = DescribeConfigsResponse['results'][number]['configs'][number]

const SOURCES: Readonly<Record<number, string>> = {
  [ConfigSource.TOPIC]: 'DYNAMIC_TOPIC_CONFIG',
  [ConfigSource.DYNAMIC_BROKER]: 'DYNAMIC_BROKER_CONFIG',
  [ConfigSource.DYNAMIC_DEFAULT_BROKER]: 'DYNAMIC_DEFAULT_BROKER_CONFIG',
  [ConfigSource.STATIC_BROKER]: 'STATIC_BROKER_CONFIG',
  [ConfigSource.DEFAULT]: 'DEFAULT_CONFIG',
  [ConfigSource.GROUP]: 'GROUP_CONFIG',
}

const TYPES = [
  '',
  'boolean',
  'string',
  'int',
  'short',
  'long',
  'double',
  'list',
  'class',
  'password',
]

/** All configurations of a resource. `fields` says which field of the request an error is about. */
export async function showConfigs(
  context: BrokerContext,
  resource: ConfigResource,
  fields: ErrorFields,
): Promise<ShownConfig[] | Problem> {
  const { type, own } = KINDS[resource.kind]
  const asked = { resourceType: type, resourceName: resource.name, configurationKeys: null }
  const request = { resources: [asked], includeSynonyms: true, includeDocumentation: true }
  const response = await describeConfigs(request, DESCRIBE_CONFIGS, context)
  const [answer] = response.results
  const problem = refusal(answer, fields)
  if (problem !== null) return problem
  const entries = answer?.configs ?? []
  return Promise.all(
    entries.map(async (entry) => ({
      name: entry.name,
      value: entry.value,
      default: await defaultOf(context, resource, entry),
      source: SOURCES[entry.configSource ?? -1] ?? '',
      isSetHere: entry.configSource === own,
      readOnly: entry.readOnly,
      sensitive: entry.isSensitive,
      type: TYPES[entry.configType ?? 0] ?? '',
      documentation: entry.documentation ?? null,
    })),
  )
}

/** Sets, or with null returns to the default; all or nothing. */
export async function alterConfigs(
  context: BrokerContext,
  { kind, name }: ConfigResource,
  configs: Readonly<Record<string, string | number | boolean | null>>,
  fields: ErrorFields,
  validateOnly = false,
): Promise<Problem | null> {
  const changes = Object.entries(configs).map(([config, value]) => ({
    name: config,
    configOperation: value === null ? DELETE : SET,
    value: value === null ? null : String(value),
  }))
  const resource = { resourceType: KINDS[kind].type, resourceName: name, configs: changes }
  const request = { resources: [resource], validateOnly }
  const response = await incrementalAlterConfigs(request, ALTER_CONFIGS, context)
  return refusal(response.responses[0], fields)
}

/** Of what is not set here that is its value; else what the layers below say. */
async function defaultOf(
  context: BrokerContext,
  { kind }: ConfigResource,
  entry: Entry,
): Promise<string | null> {
  if (entry.configSource !== KINDS[kind].own) return entry.value
  if (kind === 'topic') return topicDefault(entry)
  if (kind === 'broker') {
    const below = entry.synonyms.find(({ source }) => source !== ConfigSource.DYNAMIC_BROKER)
    return below?.value ?? brokerConfig(entry.name)?.default ?? null
  }
  const config = groupConfig(entry.name)
  if (config === undefined) return null
  return (await context.brokerConfig(config.broker)) ?? config.default
}

/** The first of the broker's synonyms that is set, in the topic's unit. */
export function topicDefault({ name, synonyms }: Pick<Entry, 'name' | 'synonyms'>): string | null {
  const config = topicConfig(name)
  for (const { name: broker, toMs } of config?.synonyms ?? []) {
    const set = synonyms.find((one) => {
      return (
        one.name === broker && one.source > ConfigSource.TOPIC && one.source < ConfigSource.DEFAULT
      )
    })
    if (set === undefined || set.value === null) continue
    return toMs === undefined ? set.value : String(Number(set.value) * toMs)
  }
  return config?.default ?? null
}
