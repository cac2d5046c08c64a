// The heart of a consumer group (KIP-848): its two epochs, when they move, what follows. A request that
// changes a member ends in `settle`: the group epoch is bumped where the subscription or the topics
// changed, a target is computed where the epoch moved, and the member goes one step towards it. Not the
// requests' own rules (heartbeats.ts, classic-requests.ts).

import type { RowChange, Surroundings } from '../membership.ts'
import { assignorOf, supportedAssignors } from './assignor.ts'
import { reconcile } from './current-assignment.ts'
import { type ConsumerMember, restoreMember, sameNames } from './member.ts'
import { type Partitions, samePartitions } from './partitions.ts'
import { memberOfKey, Roster } from './roster.ts'
import { fingerprint, Subscriptions } from './subscriptions.ts'
import { Timers } from './timers.ts'

const GROUP_ROW = 'group'
/** Lists of topic names looked at to share one of them: groups have few. */
const SHARED_LISTS = 8

interface StoredGroup {
  readonly epoch: number
  readonly targetEpoch: number
  readonly topics: string
  readonly emptySinceMs: number | null
}

export type StateName = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable'

/** What a request brings besides the member as it is now. */
export interface Settlement {
  /** The subscription changed: an epoch of its own. */
  readonly bump: boolean
  /** What the member says it has; null when it did not say. */
  readonly owned: Partitions | null
}

/** See the head of this file. */
export class GroupState {
  readonly roster = new Roster()
  readonly timers = new Timers()
  readonly subscriptions = new Subscriptions()
  #epoch = 0
  #targetEpoch = 0
  #topics = ''
  #emptySinceMs: number | null = null
  #dirty = false
  /** Carried over and not complete. Not kept: the change that carries it over also assigns. */
  #isUnassigned = false
  #lists: readonly (readonly string[])[] = []
  #names: ReadonlySet<string> | undefined

  /** A group that has never had a member. */
  static empty(nowMs: number): GroupState {
    const state = new GroupState()
    state.#emptySinceMs = nowMs
    return state
  }

  /** A group of which nothing is kept yet, at the generation a classic one had. */
  static at(epoch: number): GroupState {
    const state = new GroupState()
    state.#epoch = epoch
    state.#targetEpoch = epoch
    state.roster.retarget(epoch)
    state.#dirty = true
    return state
  }

  /** As `takeChanges` wrote it. */
  static load(rows: ReadonlyMap<string, string>): GroupState {
    const stored = JSON.parse(rows.get(GROUP_ROW) ?? 'null') as StoredGroup | null
    if (stored === null) throw new Error('the rows of a consumer group lack the group')
    const state = GroupState.at(stored.epoch)
    state.#targetEpoch = stored.targetEpoch
    state.#topics = stored.topics
    state.#emptySinceMs = stored.emptySinceMs
    state.roster.retarget(stored.targetEpoch)
    for (const [key, value] of rows) {
      const memberId = memberOfKey(key)
      if (memberId === undefined) continue
      const member = restoreMember(memberId, value)
      state.roster.put({ ...member, topicNames: state.shared(member.topicNames) })
      state.subscriptions.presume(member)
    }
    state.takeChanges()
    return state
  }

  get epoch(): number {
    return this.#epoch
  }

  get targetEpoch(): number {
    return this.#targetEpoch
  }

  get emptySinceMs(): number | null {
    return this.#emptySinceMs
  }

  get name(): StateName {
    if (this.roster.size === 0) return 'Empty'
    if (this.#epoch > this.#targetEpoch) return 'Assigning'
    return this.roster.allReconciled ? 'Stable' : 'Reconciling'
  }

  /** Every topic subscribed to by name or matched by a pattern. */
  get topicNames(): ReadonlySet<string> {
    this.#names ??= this.subscriptions.names(this.roster.all())
    return this.#names
  }

  get subscribesByPattern(): boolean {
    return this.roster.hasPatterns
  }

  /** Keys of all rows. */
  rows(): string[] {
    return [GROUP_ROW, ...this.roster.keys()]
  }

  /** The same list for members that subscribe alike: what is computed for one holds for all. */
  shared(topicNames: readonly string[]): readonly string[] {
    for (const list of this.#lists) if (sameNames(list, topicNames)) return list
    this.#lists = [topicNames, ...this.#lists].slice(0, SHARED_LISTS)
    return topicNames
  }

  /** Takes newer topics over; a change of those subscribed to bumps the epoch. */
  learn({ metadata }: Surroundings): void {
    if (!this.subscriptions.learn(metadata)) return
    this.#names = undefined
    if (this.roster.size > 0) this.#bump(false)
  }

  /**
   * Takes the topics of members carried over from a classic group for granted. Their partitions too,
   * unless the members were about to rejoin: then the request that the group is converted for assigns,
   * whatever it changes itself.
   */
  adoptTopics(isAssigned: boolean): void {
    this.#topics = fingerprint(this.subscriptions.topics(this.roster.all()))
    this.#isUnassigned = !isAssigned
  }

  /** Takes a changed or new member over and goes on with it. Answers it as it is then. */
  settle(member: ConsumerMember, { bump, owned }: Settlement, now: Surroundings): ConsumerMember {
    this.roster.put(member)
    if (this.#emptySinceMs !== null) {
      this.#emptySinceMs = null
      this.#dirty = true
    }
    if (bump || this.#isUnassigned) this.#bump(true)
    this.#isUnassigned = false
    if (this.#epoch > this.#targetEpoch) this.#assign(now)
    const reconciled = this.#reconcile(member.memberId, owned)
    this.#watchRevocation(member, reconciled, now)
    return reconciled
  }

  /** Puts members out. Without `bump` the epoch stays: the group goes on as a classic one. */
  remove(memberIds: Iterable<string>, bump: boolean, now: Surroundings): void {
    for (const memberId of memberIds) {
      this.roster.remove(memberId)
      this.timers.remove(memberId)
    }
    if (bump) this.#bump(true)
    if (this.roster.size === 0 && this.#emptySinceMs === null) {
      this.#emptySinceMs = now.nowMs
      this.#dirty = true
    }
  }

  /** What has to be written since it was last asked. */
  takeChanges(): RowChange[] {
    const changes = this.roster.takeChanges()
    if (!this.#dirty) return changes
    this.#dirty = false
    const stored: StoredGroup = {
      epoch: this.#epoch,
      targetEpoch: this.#targetEpoch,
      topics: this.#topics,
      emptySinceMs: this.#emptySinceMs,
    }
    return [{ kind: 'put', key: GROUP_ROW, value: JSON.stringify(stored) }, ...changes]
  }

  #bump(always: boolean): void {
    this.#names = undefined
    this.subscriptions.retainPatterns(this.roster.all())
    const topics = fingerprint(this.subscriptions.topics(this.roster.all()))
    if (!always && topics === this.#topics) return
    this.#topics = topics
    this.#epoch += 1
    this.#dirty = true
  }

  #assign({ settings }: Surroundings): void {
    const { roster, subscriptions } = this
    const members = [...roster.all()]
    const resolved = subscriptions.resolve(members)
    const partitions = new Map(
      [...subscriptions.topics(members)].map(([id, topic]) => [id, topic.partitions]),
    )
    const fallback = supportedAssignors(settings.consumerAssignors)[0] ?? 'uniform'
    const targets = assignorOf(roster.preferredAssignor() ?? fallback)({
      members: members.map(({ memberId, instanceId, target }, index) => {
        return { memberId, instanceId, target, topicIds: resolved[index] ?? [] }
      }),
      partitions,
    })
    for (const member of members) {
      const target = targets.get(member.memberId)
      if (target === undefined || samePartitions(target, member.target)) continue
      roster.put({ ...member, target })
    }
    this.#targetEpoch = this.#epoch
    roster.retarget(this.#targetEpoch)
    this.#dirty = true
  }

  #reconcile(memberId: string, owned: Partitions | null): ConsumerMember {
    const member = this.roster.get(memberId)
    if (member === undefined) throw new Error(`${memberId} is no member`)
    const reconciled = reconcile(member, {
      targetEpoch: this.#targetEpoch,
      owned,
      isFree: (topicId, partition) => this.roster.owners.isFree(topicId, partition),
    })
    this.roster.put(reconciled)
    return reconciled
  }

  /** A member of the new protocol gives up in its rebalance timeout. Classic ones must rejoin in it. */
  #watchRevocation(before: ConsumerMember, after: ConsumerMember, { nowMs }: Surroundings): void {
    const { memberId, classic, rebalanceTimeoutMs } = after
    if (classic !== null || after.state !== 'UNREVOKED_PARTITIONS') {
      this.timers.clear(memberId, 'rebalance')
    } else if (before.state !== after.state || before.epoch !== after.epoch) {
      this.timers.set(memberId, 'rebalance', nowMs + rebalanceTimeoutMs)
    }
  }
}
