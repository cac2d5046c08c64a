// The one member of a classic group over a raw connection: reads committed records of a topic in turn,
// commits after each read, and after a death of the broker goes on with its member id and generation as
// long as the coordinator knows them.

import { setTimeout as sleep } from 'node:timers/promises'
import { OffsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { OffsetFetch } from '../../../src/protocol/messages/offset-fetch.ts'
import type { Address } from '../../clients/broker.ts'
import {
  ClassicMember,
  coordinatorReady,
  protocol,
  subscription,
} from '../../clients/classic-member.ts'
import { Wire } from '../../clients/wire.ts'
import type { Commit, CommittedOffset, ReaderHistory } from '../checks/history.ts'
import { type Actor, RETRIABLE, whileAlive } from './connection.ts'
import { committedFrom } from './reader.ts'

/** The coordinator does not know this member (any more): it joins again. */
const JOIN_AGAIN: ReadonlySet<number> = new Set([22, 25, 27, 79])
const SESSION_MS = 30_000

/** See the head of this file. */
export class GroupMember implements Actor {
  readonly readers: readonly ReaderHistory[]
  readonly commits: Commit[] = []
  readonly group: string
  readonly #topic: string
  readonly #positions: number[]
  #memberId = ''
  #generationId = -1
  #stopped = false
  /** How often it went on in its generation after the broker had died. */
  kept = 0

  constructor(group: string, topic: string, partitions: number) {
    this.group = group
    this.#topic = topic
    this.#positions = Array.from({ length: partitions }, () => -1)
    this.readers = this.#positions.map((_, partition) => {
      return { name: `member of ${group}`, topic, partition, readCommitted: true, group, seen: [] }
    })
  }

  stop(): void {
    this.#stopped = true
  }

  async run(address: Address): Promise<void> {
    this.#stopped = false
    await whileAlive(address, async (wire) => {
      const member = new ClassicMember(wire, this.group)
      await this.#join(wire, member)
      for (
        let partition = 0;
        !this.#stopped;
        partition = (partition + 1) % this.#positions.length
      ) {
        if (!(await this.#step(wire, member, partition))) await this.#join(wire, member)
      }
    })
  }

  /** Goes on in the generation it had, if there is one; else joins and begins at the committed offsets. */
  async #join(wire: Wire, member: ClassicMember): Promise<void> {
    await coordinatorReady(wire, this.group)
    if (this.#generationId >= 0) {
      member.memberId = this.#memberId
      member.generationId = this.#generationId
      if ((await member.heartbeat()) === 0) {
        this.kept += 1
        return
      }
    }
    for (;;) {
      member.generationId = -1
      const protocols = [protocol('range', subscription(this.#topic))]
      const sessions = { sessionTimeoutMs: SESSION_MS, rebalanceTimeoutMs: SESSION_MS }
      const joined = await member.join({ ...sessions, protocols })
      if (joined.errorCode === 25) member.memberId = ''
      const synced =
        joined.errorCode === 0 ? await member.sync({ [member.memberId]: 'all' }) : joined
      if (synced.errorCode === 0) break
      if (!JOIN_AGAIN.has(synced.errorCode) && !RETRIABLE.has(synced.errorCode)) {
        throw new Error(`${this.group}: joining was answered ${synced.errorCode}`)
      }
      await sleep(20)
    }
    this.#memberId = member.memberId
    this.#generationId = member.generationId
    const offsets = await committedOffsets(wire, this.group, this.#topic, this.#positions.length)
    for (const { partition, offset } of offsets) this.#positions[partition] = Math.max(0, offset)
  }

  /** Reads one partition and commits; false when it has to join again. */
  async #step(wire: Wire, member: ClassicMember, partition: number): Promise<boolean> {
    const from = this.#positions[partition]!
    const got = await committedFrom(wire, this.#topic, partition, from)
    if (got === null || got.next === from) {
      await sleep(10)
      return true
    }
    this.readers[partition]!.seen.push(...got.seen)
    this.#positions[partition] = got.next
    const { group } = this
    const commit: Commit = {
      group,
      topic: this.#topic,
      partition,
      offset: got.next,
      confirmed: false,
    }
    this.commits.push(commit)
    for (;;) {
      const error = await this.#commit(wire, member, commit)
      if (error === 0) commit.confirmed = true
      if (error === 0) return true
      if (JOIN_AGAIN.has(error)) return false
      if (!RETRIABLE.has(error)) throw new Error(`${group}: a commit was answered ${error}`)
      await sleep(20)
    }
  }

  async #commit(wire: Wire, member: ClassicMember, commit: Commit): Promise<number> {
    const partitions = [
      {
        partitionIndex: commit.partition,
        committedOffset: commit.offset,
        committedMetadata: null,
      },
    ]
    const got = await wire.call(OffsetCommit, 9, {
      groupId: commit.group,
      generationIdOrMemberEpoch: member.generationId,
      memberId: member.memberId,
      groupInstanceId: null,
      topics: [{ name: commit.topic, partitions }],
    })
    return got.topics[0]!.partitions[0]!.errorCode
  }
}

/** What the coordinator says that a group has committed of a topic. */
export async function committedOffsets(
  wire: Wire,
  group: string,
  topic: string,
  partitions: number,
): Promise<CommittedOffset[]> {
  const partitionIndexes = Array.from({ length: partitions }, (_, partition) => partition)
  const body = { groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes }] }] }
  for (;;) {
    const { groups } = await wire.call(OffsetFetch, 8, { ...body, requireStable: true })
    const { errorCode, topics } = groups[0]!
    const found = topics[0]?.partitions ?? []
    const errors = [errorCode, ...found.map((one) => one.errorCode)].filter((code) => code !== 0)
    // 88: offsets of a transaction that is still open.
    if (errors.length === 0) {
      return found.map(({ partitionIndex: partition, committedOffset }) => {
        return { group, topic, partition, offset: Number(committedOffset) }
      })
    }
    const bad = errors.find((code) => !RETRIABLE.has(code) && code !== 88)
    if (bad !== undefined) throw new Error(`OffsetFetch of ${group}: ${bad}`)
    await sleep(20)
  }
}

/** The same over a connection of its own. */
export async function committedOffsetsAt(
  address: Address,
  group: string,
  topic: string,
  partitions: number,
): Promise<CommittedOffset[]> {
  const wire = await Wire.open(address)
  try {
    await coordinatorReady(wire, group)
    return await committedOffsets(wire, group, topic, partitions)
  } finally {
    wire.close()
  }
}
