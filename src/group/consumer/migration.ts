// From classic to consumer group and back while members live (KIP-848, "Upgrade and downgrade"): what
// each side carries over, and when it may. Not who decides to convert: group.ts.

import type { GroupTopic } from '../../cluster/contract.ts'
import type { TopicId } from '../../core/ids.ts'
import type { ClassicMemberSnapshot, ClassicSnapshot, Surroundings } from '../membership.ts'
import type { GroupSettings } from '../settings.ts'
import {
  CONSUMER_PROTOCOL,
  type ConsumerSubscription,
  type NamedPartitions,
  readAssignment,
  readSubscription,
  writeAssignment,
} from './consumer-protocol.ts'
import { GroupState } from './group-state.ts'
import { type ConsumerMember, newMember, sortedNames } from './member.ts'
import { all, type Partitions, sorted } from './partitions.ts'

/** Whether what is left without these members is a classic group, and may be one again. */
export function goesOnAsClassic(
  { roster }: GroupState,
  leaving: readonly string[],
  { consumerMigrationPolicy, maxSize }: GroupSettings,
): boolean {
  if (consumerMigrationPolicy !== 'bidirectional' && consumerMigrationPolicy !== 'downgrade') {
    return false
  }
  const gone = new Set(leaving)
  let consumers = roster.size - roster.classicSize
  for (const memberId of gone) if (roster.get(memberId)?.classic === null) consumers -= 1
  const left = roster.size - gone.size
  return consumers === 0 && left > 0 && left <= maxSize
}

/**
 * The group of a classic one's members; null when what they say (subscription, assignment) cannot be
 * understood, or gives a partition to two.
 */
export function convertFromClassic(
  snapshot: ClassicSnapshot,
  now: Surroundings,
): GroupState | null {
  const state = GroupState.at(snapshot.generation)
  state.subscriptions.learn(now.metadata)
  for (const member of snapshot.members) {
    const carried = carry(state, member, snapshot)
    if (carried === null) return null
    if (state.roster.owners.conflicts(carried.assigned, carried.memberId)) return null
    state.roster.put(carried)
    state.timers.set(carried.memberId, 'session', now.nowMs + member.sessionTimeoutMs)
  }
  for (const member of snapshot.members) leaveClaims(state, member, snapshot)
  state.adoptTopics(!snapshot.needsRebalance && isComplete(state))
  return state
}

/**
 * A cooperative member keeps what it has over a rebalance. In one that was not complete, its assignment
 * does not say what that is, and its subscription does: nobody may be given it before the member has
 * said that it gave it up.
 */
function leaveClaims(
  state: GroupState,
  { memberId, protocols }: ClassicMemberSnapshot,
  { protocolName }: ClassicSnapshot,
): void {
  const { roster } = state
  const member = roster.get(memberId)
  const owned = subscriptionOf(protocols, protocolName)?.owned ?? []
  if (member === undefined || owned.length === 0) return
  const claims = [...withIds(state, owned)].map(([topicId, list]): [TopicId, number[]] => {
    return [topicId, list.filter((partition) => roster.owners.isFree(topicId, partition))]
  })
  roster.put({ ...member, assigned: all(member.assigned, sorted(new Map(claims))) })
}

function subscriptionOf(
  protocols: ClassicMemberSnapshot['protocols'],
  protocolName: string | null,
): ConsumerSubscription | null {
  const chosen = protocols.find(({ name }) => name === protocolName) ?? protocols[0]
  return chosen === undefined ? null : readSubscription(chosen.metadata)
}

function carry(
  state: GroupState,
  member: ClassicMemberSnapshot,
  { generation, protocolName }: ClassicSnapshot,
): ConsumerMember | null {
  const { memberId, instanceId, clientId, clientHost, rebalanceTimeoutMs, protocols } = member
  const subscription = subscriptionOf(protocols, protocolName)
  const assignment = readAssignment(member.assignment)
  if (subscription === null || assignment === null) return null
  const assigned = withIds(state, assignment)
  return {
    ...newMember(memberId),
    instanceId,
    clientId,
    clientHost,
    rebalanceTimeoutMs,
    rackId: subscription.rackId,
    topicNames: state.shared(sortedNames(subscription.topics)),
    classic: { sessionTimeoutMs: member.sessionTimeoutMs, protocols },
    epoch: generation,
    previousEpoch: generation,
    assigned,
    target: assigned,
  }
}

/** By id, leaving out topics and partitions that there are not. */
export function withIds(state: GroupState, named: readonly NamedPartitions[]): Partitions {
  const found = new Map<TopicId, Set<number>>()
  for (const { topic, partitions } of named) {
    const known = state.subscriptions.topicByName(topic)
    if (known === undefined) continue
    const set = found.get(known.id) ?? new Set()
    found.set(known.id, set)
    for (const partition of partitions) if (isOf(known, partition)) set.add(partition)
  }
  return sorted(found)
}

function isOf(topic: GroupTopic, partition: number): boolean {
  return partition >= 0 && partition < topic.partitions
}

/** As a classic member is told it: by name, in the version that it speaks. */
export function assignmentFor(
  state: GroupState,
  { classic }: ConsumerMember,
  partitions: Partitions,
): Uint8Array {
  const named: NamedPartitions[] = []
  for (const [topicId, list] of partitions) {
    const topic = state.subscriptions.topicById(topicId)
    if (topic !== undefined) named.push({ topic: topic.name, partitions: list })
  }
  const first = classic?.protocols[0]
  const version = first === undefined ? 0 : (readSubscription(first.metadata)?.version ?? 0)
  return writeAssignment(named, version)
}

/** The group as a classic one; null while it is none. */
export function convertToClassic(state: GroupState, now: Surroundings): ClassicSnapshot | null {
  const { roster, epoch } = state
  if (!goesOnAsClassic(state, [], now.settings)) return null
  const members: ClassicMemberSnapshot[] = []
  for (const member of roster.all()) {
    const { memberId, instanceId, clientId, clientHost, rebalanceTimeoutMs, classic } = member
    if (classic === null) return null
    members.push({
      memberId,
      instanceId,
      clientId,
      clientHost,
      sessionTimeoutMs: classic.sessionTimeoutMs,
      rebalanceTimeoutMs,
      protocols: classic.protocols,
      // What it has, which is its target once the group is stable.
      assignment: assignmentFor(state, member, all(member.assigned, member.revoking)),
    })
  }
  return {
    generation: epoch,
    protocolType: CONSUMER_PROTOCOL,
    protocolName: commonProtocol(roster.all()),
    leaderId: members[0]?.memberId ?? null,
    members,
    needsRebalance: state.name !== 'Stable' || !isComplete(state),
  }
}

/** Whether every partition of every topic has an owner: a member that has left took some along. */
function isComplete({ roster, subscriptions }: GroupState): boolean {
  for (const [topicId, { partitions }] of subscriptions.topics(roster.all())) {
    for (let partition = 0; partition < partitions; partition += 1) {
      if (roster.owners.isFree(topicId, partition)) return false
    }
  }
  return true
}

/** The protocol that most members prefer among those that all support, as a classic group votes. */
function commonProtocol(members: Iterable<ConsumerMember>): string | null {
  const lists = [...members].map(({ classic }) => classic?.protocols.map(({ name }) => name) ?? [])
  const sets = lists.map((names) => new Set(names))
  const votes = new Map<string, number>()
  for (const names of lists) {
    const vote = names.find((name) => sets.every((set) => set.has(name)))
    if (vote !== undefined) votes.set(vote, (votes.get(vote) ?? 0) + 1)
  }
  let chosen: string | null = null
  for (const [name, count] of votes) {
    if (chosen === null || count > (votes.get(chosen) ?? 0)) chosen = name
  }
  return chosen
}
