// The members of one classic group as a load: each on a connection of its own, as Kafka's muted channel
// asks, so that a whole rebalance can be timed. Not a consumer: nothing is fetched.

import { Writer } from '../../src/core/bytes.ts'
import { FindCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { Heartbeat } from '../../src/protocol/messages/heartbeat.ts'
import { JoinGroup } from '../../src/protocol/messages/join-group.ts'
import { SyncGroup } from '../../src/protocol/messages/sync-group.ts'
import type { ResponseRead } from '../../src/protocol/schema.ts'
import { Wire } from '../clients/wire.ts'

const JOIN_VERSION = 5
const SYNC_VERSION = 3
const HEARTBEAT_VERSION = 3
const NONE = 0
const RETRIABLE = new Set([14, 15, 16, 27])
const MEMBER_ID_REQUIRED = 79

const REBALANCE_IN_PROGRESS = 27
/** How long a member that has joined waits before it asks whether others came. */
const SETTLING_MS = 50

const ASSIGNMENT = Buffer.alloc(64, 'assignment')

type Joined = ResponseRead<typeof JoinGroup>

/** One member. */
export class GroupMember {
  readonly #wire: Wire
  readonly #groupId: string
  #memberId = ''
  #round = 0
  #generation = -1

  private constructor(wire: Wire, groupId: string) {
    this.#wire = wire
    this.#groupId = groupId
  }

  static async open(port: number, groupId: string): Promise<GroupMember> {
    return new GroupMember(await Wire.open({ host: '127.0.0.1', port }), groupId)
  }

  get generation(): number {
    return this.#generation
  }

  /** Joins with another subscription, which makes the whole group rebalance, and syncs. */
  rebalance(): Promise<void> {
    this.#round += 1
    return this.#rejoin()
  }

  /** Joins, and joins again whenever others come, until `settled`. */
  async settle(settled: () => boolean): Promise<void> {
    await this.#rejoin()
    while (!settled()) {
      await pause()
      if ((await this.#beat()) === REBALANCE_IN_PROGRESS) await this.#rejoin()
    }
  }

  async #rejoin(): Promise<void> {
    for (;;) {
      const joined = await this.#join()
      if (joined.errorCode === MEMBER_ID_REQUIRED) {
        this.#memberId = joined.memberId
        continue
      }
      if (RETRIABLE.has(joined.errorCode)) {
        await pause()
        continue
      }
      if (joined.errorCode !== NONE) throw new Error(`JoinGroup: error ${joined.errorCode}`)
      this.#memberId = joined.memberId
      this.#generation = joined.generationId
      if (await this.#sync(joined)) return
    }
  }

  async heartbeat(): Promise<void> {
    const errorCode = await this.#beat()
    if (errorCode !== NONE) throw new Error(`Heartbeat: error ${errorCode}`)
  }

  async #beat(): Promise<number> {
    const { errorCode } = await this.#wire.call(Heartbeat, HEARTBEAT_VERSION, {
      groupId: this.#groupId,
      generationId: this.#generation,
      memberId: this.#memberId,
    })
    return errorCode
  }

  close(): void {
    this.#wire.close()
  }

  #join(): Promise<Joined> {
    return this.#wire.call(JoinGroup, JOIN_VERSION, {
      groupId: this.#groupId,
      sessionTimeoutMs: 60_000,
      rebalanceTimeoutMs: 60_000,
      memberId: this.#memberId,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: subscription(`topic-${this.#round}`) }],
    })
  }

  /** False when another rebalance came first. */
  async #sync(joined: Joined): Promise<boolean> {
    const { errorCode } = await this.#wire.call(SyncGroup, SYNC_VERSION, {
      groupId: this.#groupId,
      generationId: this.#generation,
      memberId: this.#memberId,
      assignments: joined.members.map(({ memberId }) => ({ memberId, assignment: ASSIGNMENT })),
    })
    if (errorCode !== NONE && !RETRIABLE.has(errorCode)) {
      throw new Error(`SyncGroup: error ${errorCode}`)
    }
    return errorCode === NONE
  }
}

/** A ConsumerProtocolSubscription of version 0: Apache Kafka reads it, and one that is none can end it. */
function subscription(topic: string): Uint8Array {
  const writer = new Writer()
  writer.int16(0)
  writer.int32(1)
  writer.utf8(topic, (to, length) => to.int16(length))
  writer.int32(-1)
  return Buffer.concat(writer.finish())
}

function pause(): Promise<void> {
  return new Promise((done) => setTimeout(done, SETTLING_MS))
}

/** Kafka makes the topic of its offsets when it is first asked for a coordinator. */
async function findCoordinator(port: number, key: string): Promise<void> {
  const wire = await Wire.open({ host: '127.0.0.1', port })
  while ((await wire.call(FindCoordinator, 2, { key, keyType: 0 })).errorCode !== NONE)
    await pause()
  wire.close()
}

/** A group of `size` members, stable; its first member is the leader. */
export async function openGroup(
  port: number,
  groupId: string,
  size: number,
): Promise<readonly GroupMember[]> {
  await findCoordinator(port, groupId)
  const opening = Array.from({ length: size }, () => GroupMember.open(port, groupId))
  const members = await Promise.all(opening)
  const settled = () => {
    const generations = new Set(members.map((member) => member.generation))
    return generations.size === 1 && !generations.has(-1)
  }
  await Promise.all(members.map((member) => member.settle(settled)))
  return members
}
