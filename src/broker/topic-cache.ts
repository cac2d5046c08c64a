// What this isolate knows of topics: plain data shared by all connections, never a stub or a promise.
// It may be out of date: partitions refuse calls for a dead topic id or an old configuration version
// and say what is new, so an entry is wrong for one request at most. "Unknown" is never remembered.

import type {
  ClusterRpc,
  TopicLookup,
  TopicLookupReply,
  TopicLookupResult,
  TopicState,
} from '../cluster/contract.ts'
import type { TopicId } from '../core/ids.ts'
import { TOPIC_CACHE_ENTRIES } from '../core/limits.ts'

/** The part of Cluster that a cache asks. */
export type TopicDirectory = Pick<ClusterRpc, 'lookup'>

/** Topics by name and by id; beyond its capacity the entry put longest ago is dropped. */
export class TopicCache {
  readonly #capacity: number
  readonly #byName = new Map<string, TopicState>()
  readonly #byId = new Map<TopicId, TopicState>()

  constructor(capacity: number = TOPIC_CACHE_ENTRIES) {
    this.#capacity = capacity
  }

  /** Topics held now. */
  get size(): number {
    return this.#byId.size
  }

  byName(name: string): TopicState | undefined {
    return this.#byName.get(name)
  }

  byId(id: TopicId): TopicState | undefined {
    return this.#byId.get(id)
  }

  /**
   * Remembers a topic as Cluster described it. An older description of the same id (lower
   * configuration version, or fewer partitions, which Kafka never takes away) changes nothing.
   */
  put(state: TopicState): void {
    const known = this.#byId.get(state.id)
    if (known !== undefined && isOlder(state, known)) return
    const namesake = this.#byName.get(state.name)
    if (namesake !== undefined) this.forget(namesake.id)
    this.#byName.set(state.name, state)
    this.#byId.set(state.id, state)
    for (const oldest of this.#byId.keys()) {
      if (this.#byId.size <= this.#capacity) break
      this.forget(oldest)
    }
  }

  /** Drops a topic: a partition said that its id is dead. */
  forget(id: TopicId): void {
    const state = this.#byId.get(id)
    if (state === undefined) return
    this.#byId.delete(id)
    if (this.#byName.get(state.name)?.id === id) this.#byName.delete(state.name)
  }

  /**
   * Topics per name, then per id, in the order asked; asks Cluster once for those not held.
   * `all` is not for this: use refresh.
   */
  async lookup(
    cluster: TopicDirectory,
    request: Omit<TopicLookup, 'all'>,
  ): Promise<TopicLookupResult[]> {
    const names = request.names ?? []
    const ids = request.ids ?? []
    const missingNames = names.filter((name) => !this.#byName.has(name))
    const missingIds = ids.filter((id) => !this.#byId.has(id))
    const held = (topic: TopicState | undefined) =>
      topic === undefined ? undefined : ({ error: 0, topic } as const)
    const results: (TopicLookupResult | undefined)[] = [
      ...names.map((name) => held(this.#byName.get(name))),
      ...ids.map((id) => held(this.#byId.get(id))),
    ]
    const missing = missingNames.length + missingIds.length
    const answers =
      missing === 0
        ? []
        : (await this.refresh(cluster, { ...request, names: missingNames, ids: missingIds })).topics
    let next = 0
    return results.map((result) => result ?? answerAt(answers, next++))
  }

  /** Asks Cluster whatever is held, remembers what it says and drops names and ids it denies. */
  async refresh(cluster: TopicDirectory, request: TopicLookup): Promise<TopicLookupReply> {
    const reply = await cluster.lookup(request)
    const names = request.names ?? []
    const ids = request.ids ?? []
    for (const [index, result] of reply.topics.entries()) {
      if (result.topic !== undefined) {
        this.put(result.topic)
      } else if (request.all !== true) {
        const name = names[index]
        const id = name === undefined ? ids[index - names.length] : this.#byName.get(name)?.id
        if (id !== undefined) this.forget(id)
      }
    }
    return reply
  }
}

function isOlder(state: TopicState, known: TopicState): boolean {
  return state.configVersion < known.configVersion || state.partitions < known.partitions
}

function answerAt(answers: readonly TopicLookupResult[], index: number): TopicLookupResult {
  const answer = answers[index]
  if (answer === undefined) throw new Error('Cluster answered fewer topics than it was asked for')
  return answer
}
