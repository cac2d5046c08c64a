// ListConfigResources (KIP-1142): which resources have configurations. Topics, the broker and groups
// with configurations of their own; client metrics subscriptions do not exist here.

import { KafkaError } from '../core/errors.ts'
import { BROKER_ID } from '../core/ids.ts'
import type {
  ListConfigResourcesRequest,
  ListConfigResourcesResponse,
} from '../protocol/messages/list-config-resources.ts'
import type { ClusterState } from './cluster.ts'
import { ResourceType } from './resources.ts'

type Listed = ListConfigResourcesResponse['configResources']

/** Answers ListConfigResources; no types means all that can be listed. */
export function listConfigResources(
  state: ClusterState,
  request: ListConfigResourcesRequest,
  version: number,
): ListConfigResourcesResponse {
  const asked = new Set(request.resourceTypes)
  const types =
    version === 0 ? [ResourceType.CLIENT_METRICS] : asked.size === 0 ? LISTABLE : [...asked]
  if (!types.every((type) => LISTABLE.includes(type))) {
    return { throttleTimeMs: 0, errorCode: KafkaError.UNSUPPORTED_VERSION, configResources: [] }
  }
  const configResources = types.flatMap((type) => resources(state, type))
  return { throttleTimeMs: 0, errorCode: KafkaError.NONE, configResources }
}

const LISTABLE: readonly number[] = [
  ResourceType.TOPIC,
  ResourceType.BROKER,
  ResourceType.BROKER_LOGGER,
  ResourceType.CLIENT_METRICS,
  ResourceType.GROUP,
]

function resources(state: ClusterState, resourceType: number): Listed {
  return names(state, resourceType)
    .sort()
    .map((resourceName) => ({ resourceName, resourceType }))
}

function names({ names: topics, groupConfigs }: ClusterState, type: number): string[] {
  if (type === ResourceType.TOPIC) return [...topics.keys()]
  if (type === ResourceType.BROKER || type === ResourceType.BROKER_LOGGER) return [`${BROKER_ID}`]
  return type === ResourceType.GROUP ? [...groupConfigs.keys()] : []
}
