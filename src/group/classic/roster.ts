// The members of a classic group with the counts that a join asks for: who waits, how many support a
// protocol, who is static. Each join changes them by its own part only, so that a thousand members may
// come at once. Not the rules of who may come: classic-group.ts.

import { type described, type Member, type Protocol, sameProtocols, sizeOf } from './member.ts'

/** See the head of this file. */
export class Roster {
  readonly #members = new Map<string, Member>()
  readonly #byInstance = new Map<string, string>()
  /** How many members support a protocol. */
  readonly #supporters = new Map<string, number>()
  #joining = 0
  #bytes = 0
  /** The member that assigns. */
  leaderId: string | null = null

  get size(): number {
    return this.#members.size
  }

  /** Members whose join is parked. */
  get joining(): number {
    return this.#joining
  }

  /** What is held for all members together. */
  get bytes(): number {
    return this.#bytes
  }

  get(memberId: string): Member | undefined {
    return this.#members.get(memberId)
  }

  /** In the order they came. */
  all(): IterableIterator<Member> {
    return this.#members.values()
  }

  /** The member id behind a group.instance.id. */
  byInstance(instanceId: string): string | undefined {
    return this.#byInstance.get(instanceId)
  }

  /** Whether every member supports this protocol. */
  isSupportedByAll(protocol: string): boolean {
    return (this.#supporters.get(protocol) ?? 0) === this.#members.size
  }

  add(member: Member): void {
    this.#members.set(member.memberId, member)
    if (member.instanceId !== null) this.#byInstance.set(member.instanceId, member.memberId)
    this.#count(member, 1)
    if (member.join !== null) this.#joining += 1
    this.leaderId ??= member.memberId
  }

  /** Its parked requests are the caller's to answer before. */
  remove(member: Member): void {
    if (!this.#members.delete(member.memberId)) return
    if (member.instanceId !== null) this.#byInstance.delete(member.instanceId)
    this.#count(member, -1)
    if (member.join !== null) this.#joining -= 1
    if (this.leaderId === member.memberId) {
      this.leaderId = this.#members.keys().next().value ?? null
    }
  }

  /** A static member came back: the same member under another id. */
  rename(member: Member, memberId: string): Member {
    const isLeader = this.leaderId === member.memberId
    this.remove(member)
    const renamed: Member = { ...member, memberId, kept: { info: false, assignment: false } }
    this.add(renamed)
    if (isLeader) this.leaderId = memberId
    return renamed
  }

  /** Takes over what a join says. */
  update(member: Member, to: ReturnType<typeof described>): void {
    if (saysTheSame(member, to)) return
    this.#count(member, -1)
    Object.assign(member, to)
    member.kept.info = false
    this.#count(member, 1)
  }

  park(member: Member, join: Member['join']): void {
    if ((member.join === null) !== (join === null)) this.#joining += join === null ? -1 : 1
    member.join = join
  }

  /** The longest time that a member may take to rejoin. */
  rebalanceTimeoutMs(): number {
    let longest = 0
    for (const { rebalanceTimeoutMs } of this.all()) longest = Math.max(longest, rebalanceTimeoutMs)
    return longest
  }

  /**
   * The protocol that most members like best among those that all support. With equal votes, the one
   * that got its first vote first. null when there is none.
   */
  vote(): string | null {
    const votes = new Map<string, number>()
    for (const { protocols } of this.all()) {
      const choice = protocols.find(({ name }) => this.isSupportedByAll(name))?.name
      if (choice !== undefined) votes.set(choice, (votes.get(choice) ?? 0) + 1)
    }
    let best: string | null = null
    for (const [name, count] of votes)
      if (best === null || count > (votes.get(best) ?? 0)) best = name
    return best
  }

  #count(member: Member, by: 1 | -1): void {
    this.#bytes += by * sizeOf(member)
    for (const name of namesOf(member.protocols)) {
      const count = (this.#supporters.get(name) ?? 0) + by
      if (count === 0) this.#supporters.delete(name)
      else this.#supporters.set(name, count)
    }
  }
}

/** Most rejoin saying what they said before: that is no row to write. */
function saysTheSame(member: Member, to: ReturnType<typeof described>): boolean {
  return (
    member.clientId === to.clientId &&
    member.clientHost === to.clientHost &&
    member.sessionTimeoutMs === to.sessionTimeoutMs &&
    member.rebalanceTimeoutMs === to.rebalanceTimeoutMs &&
    sameProtocols(member.protocols, to.protocols)
  )
}

/** Each name once, also when a client repeats one. */
function namesOf(protocols: readonly Protocol[]): ReadonlySet<string> {
  return new Set(protocols.map(({ name }) => name))
}
