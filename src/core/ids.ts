// The quantities of a Kafka log as types that cannot be mixed, and the names of Durable Objects.
// Not a place for behaviour. Offsets are numbers (exact to 2^53); int64 is read into one in the
// codec only. KIP-516 describes topic ids.

import { WATCH_SHARD_PARTITIONS, WATCH_SHARDS } from './limits/watch.ts'
import { TUNNEL_SHARDS } from './limits.ts'

declare const brand: unique symbol
type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** Position of a record in one partition. A whole number from 0; -1 means none. */
export type Offset = Brand<number, 'Offset'>

/** A topic's id: 16 bytes as 22 characters of unpadded base64url, as Kafka prints it. */
export type TopicId = Brand<string, 'TopicId'>

/** The all-zero id that the protocol uses for "no topic id". */
export const ZERO_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAA' as TopicId

/** Marks a number as an offset. The caller vouches that it is whole and ≥ -1. */
export function offset(value: number): Offset {
  return value as Offset
}

/** The one broker's node id; also the controller's. */
export const BROKER_ID = 1

/** Leader epoch of every partition for the life of its topic id: its log is never truncated. */
export const LEADER_EPOCH = 0

/** The tenant that there always is (tenants.ts). Every object's name begins with that of its tenant. */
export const DEFAULT_TENANT = 'main'

/** Whose an object is, by its name; main's where the platform does not know the name, because it is long. */
export function tenantOfName(name: string | undefined): string {
  const end = name?.indexOf('/') ?? -1
  return name === undefined || end < 0 ? DEFAULT_TENANT : name.slice(0, end)
}

/** Name of the cluster controller's Durable Object. */
export function clusterName(tenant: string = DEFAULT_TENANT): string {
  return `${tenant}/cluster`
}

/** Name of a partition leader's Durable Object. A recreated topic has a new id, so a new object. */
export function partitionName(
  topicId: TopicId,
  partition: number,
  tenant: string = DEFAULT_TENANT,
): string {
  return `${tenant}/topic/${topicId}/${partition}`
}

/** Name of a group coordinator's Durable Object. */
export function groupName(groupId: string, tenant: string = DEFAULT_TENANT): string {
  return `${tenant}/group/${groupId}`
}

/** Which of a cluster's Watch objects has to do with a partition: neighbours share one. */
export function watchShard(topicId: TopicId, partition: number): number {
  return spread(topicId, WATCH_SHARDS, Math.floor(partition / WATCH_SHARD_PARTITIONS))
}

/** Which object hosts the tunnels of a client: those of one share one, so that few are awake. */
export function tunnelShard(client: string): number {
  return spread(client, TUNNEL_SHARDS, 0)
}

/** A number below `count`, always the same one for a text. */
function spread(text: string, count: number, seed: number): number {
  let hash = seed
  for (let at = 0; at < text.length; at++) {
    hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0
  }
  // The upper bits too: 31 alone leaves the lower ones to the last characters.
  return ((hash ^ (hash >>> 16)) >>> 0) % count
}

/** Name of the Watch object of a shard. */
export function watchName(shard: number, tenant: string = DEFAULT_TENANT): string {
  return `${tenant}/watch/${shard}`
}

/** Name of the object that hosts the tunnels of a shard. */
export function tunnelName(shard: number, tenant: string = DEFAULT_TENANT): string {
  return `${tenant}/tunnel/${shard}`
}

/** Name of the object that keeps a cluster's figures. */
export function statisticsName(tenant: string = DEFAULT_TENANT): string {
  return `${tenant}/statistics`
}

/** Name of the object that hosts the sessions of `/v1/live` of a shard. */
export function liveName(shard: number, tenant: string = DEFAULT_TENANT): string {
  return `${tenant}/live/${shard}`
}

/** Name of a transaction coordinator's Durable Object. */
export function transactionName(transactionalId: string, tenant: string = DEFAULT_TENANT): string {
  return `${tenant}/txn/${transactionalId}`
}
