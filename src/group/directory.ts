// A group's entry in Cluster's directory and what Cluster answers to it: one call at a time, so that the
// entry ends as the group did last. Before the group's first own change the entry is awaited; later
// changes of it are told when they have been made, several as one.

import type { GroupEntry, GroupRegistration } from '../cluster/contract.ts'
import type { TopicId } from '../core/ids.ts'

/** The part of Cluster that is asked. */
export interface GroupDirectory {
  registerGroup(entry: GroupEntry): Promise<GroupRegistration>
  removeGroup(groupId: string): Promise<void>
}

export interface DirectoryHost {
  readonly cluster: GroupDirectory
  /** The group as it is now; null when there is none. */
  readonly entry: () => GroupEntry | null
  readonly now: () => number
  /** Takes what Cluster said about these topics. */
  readonly learn: (asked: readonly TopicId[], told: GroupRegistration) => void
  /** The entry is gone. */
  readonly removed: () => void
  readonly report: (event: string, error: unknown) => void
}

/** See the head of this file. */
export class Directory {
  readonly #host: DirectoryHost
  /** The call under way and those behind it. */
  #calls: Promise<unknown> = Promise.resolve()
  /** The entry that Cluster has, as far as we know; undefined: not told since this object was loaded. */
  #told: GroupEntry | undefined
  #toldAtMs = Number.NEGATIVE_INFINITY
  #telling = false

  constructor(host: DirectoryHost) {
    this.#host = host
  }

  /** Whether Cluster knows of the group since this object was loaded. */
  get isRegistered(): boolean {
    return this.#told !== undefined
  }

  /** How long ago Cluster was asked last. */
  get ageMs(): number {
    return this.#host.now() - this.#toldAtMs
  }

  /** Whether the entry lists these topics by name, or all. */
  watches(names: Iterable<string>, all: boolean): boolean {
    const told = this.#told
    if (told === undefined) return false
    if (told.allTopics) return true
    if (all) return false
    const known = new Set(told.topicNames)
    for (const name of names) if (!known.has(name)) return false
    return true
  }

  /** Writes the group's entry with what is added to it, and learns what Cluster says. */
  register(groupId: string, added: Partial<GroupEntry> = {}): Promise<void> {
    const call = this.#calls.then(async () => {
      const base = this.#host.entry() ?? this.#told ?? newEntry(groupId)
      const entry: GroupEntry = {
        ...base,
        topicIds: [...new Set([...base.topicIds, ...(added.topicIds ?? [])])],
        topicNames: [...new Set([...base.topicNames, ...(added.topicNames ?? [])])],
        allTopics: base.allTopics || added.allTopics === true,
      }
      await this.#tell(entry)
    })
    this.#calls = call.catch(() => {})
    return call
  }

  /** The group has changed, or has vanished: tells Cluster, soon. */
  changed(groupId: string): void {
    if (this.#telling) return
    this.#telling = true
    const call = this.#calls.then(async () => {
      this.#telling = false
      const entry = this.#host.entry()
      if (entry === null) {
        this.#told = undefined
        await this.#host.cluster.removeGroup(groupId)
        this.#host.removed()
        return
      }
      await this.#tell(entry)
    })
    this.#calls = call.catch((error) => this.#host.report('the directory was not told', error))
  }

  /** Cluster has asked whether the group exists, and will remove its entry. */
  forget(): void {
    this.#told = undefined
  }

  /** Resolves when Cluster has been told all that was to be told by now, or could not be. */
  async settled(): Promise<void> {
    await this.#calls
  }

  async #tell(entry: GroupEntry): Promise<void> {
    const told = await this.#host.cluster.registerGroup(entry)
    this.#told = entry
    this.#toldAtMs = this.#host.now()
    this.#host.learn(entry.topicIds, told)
  }
}

function newEntry(groupId: string): GroupEntry {
  const none = { protocolType: '', state: 'Empty', topicIds: [], topicNames: [], allTopics: false }
  return { groupId, type: 'classic', ...none }
}
