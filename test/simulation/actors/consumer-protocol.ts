// The subscription a classic consumer puts into JoinGroup (ConsumerProtocolSubscription, version 1).

import { readSubscription } from '../../../src/group/consumer/consumer-protocol.ts'

/** As bytes: topics, no user data, owned partitions. */
export function subscription(topic: string, owned: readonly number[]): Uint8Array {
  const name = Buffer.from(topic)
  const out = Buffer.alloc(2 + 4 + 2 + name.length + 4 + 4 + 2 + name.length + 4 + 4 * owned.length)
  let at = out.writeInt16BE(1, 0)
  at = out.writeInt32BE(1, at)
  at = out.writeInt16BE(name.length, at)
  at += name.copy(out, at)
  at = out.writeInt32BE(-1, at)
  at = out.writeInt32BE(1, at)
  at = out.writeInt16BE(name.length, at)
  at += name.copy(out, at)
  at = out.writeInt32BE(owned.length, at)
  for (const partition of owned) at = out.writeInt32BE(partition, at)
  return new Uint8Array(out)
}

/** The owned partitions that a subscription names. */
export function ownedIn(metadata: Uint8Array): readonly number[] {
  return readSubscription(metadata)?.owned.flatMap(({ partitions }) => partitions) ?? []
}
