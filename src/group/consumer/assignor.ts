// What a server-side assignor is given and what it answers (KIP-848), and the two that Kafka has, by
// name. Pure functions of the group: no clock, no chance.

import type { TopicId } from '../../core/ids.ts'
import type { Partitions } from './partitions.ts'
import { assignRanges } from './range-assignor.ts'
import { assignUniformly } from './uniform-assignor.ts'

/** A member as an assignor sees it. */
export interface AssignableMember {
  readonly memberId: string
  readonly instanceId: string | null
  /** Topics it subscribes to that exist; members of one subscription share the list. */
  readonly topicIds: readonly TopicId[]
  /** What it should have until now. */
  readonly target: Partitions
}

/** A group to assign. */
export interface AssignableGroup {
  readonly members: readonly AssignableMember[]
  /** Number of partitions of each topic subscribed to. */
  readonly partitions: ReadonlyMap<TopicId, number>
}

/** Every partition of every topic goes to one member that subscribes to it. By member id. */
export type Assignor = (group: AssignableGroup) => ReadonlyMap<string, Partitions>

const ASSIGNORS: ReadonlyMap<string, Assignor> = new Map([
  ['uniform', assignUniformly],
  ['range', assignRanges],
])

/** Those of the configured names that there are; uniform when there is none. */
export function supportedAssignors(configured: readonly string[]): readonly string[] {
  const supported = configured.filter((name) => ASSIGNORS.has(name))
  return supported.length > 0 ? supported : ['uniform']
}

export function assignorOf(name: string): Assignor {
  return ASSIGNORS.get(name) ?? assignUniformly
}
