// Which groups are told when a topic is created, grows or is deleted: an index over the directory's
// entries, so that a change of one topic costs what its groups cost. Not durable: made from the entries.

import type { TopicId } from '../core/ids.ts'
import type { GroupEntry } from './contract.ts'

/** Groups by what they have to do with. */
export class GroupInterests {
  readonly #byName = new Map<string, Set<string>>()
  readonly #byId = new Map<TopicId, Set<string>>()
  readonly #all = new Set<string>()

  /** The entry must not be there yet; `remove` the one it replaces. */
  add(entry: GroupEntry): void {
    const { groupId, topicNames, topicIds, allTopics } = entry
    for (const name of topicNames) put(this.#byName, name, groupId)
    for (const id of topicIds) put(this.#byId, id, groupId)
    if (allTopics) this.#all.add(groupId)
  }

  /** Takes out what `add` put in. */
  remove(entry: GroupEntry | undefined): void {
    if (entry === undefined) return
    for (const name of entry.topicNames) take(this.#byName, name, entry.groupId)
    for (const id of entry.topicIds) take(this.#byId, id, entry.groupId)
    this.#all.delete(entry.groupId)
  }

  /** The groups that a topic of this name and id matters to. */
  of(name: string, id: TopicId): Set<string> {
    return new Set([...this.#all, ...(this.#byName.get(name) ?? []), ...(this.#byId.get(id) ?? [])])
  }
}

function put<Key>(index: Map<Key, Set<string>>, key: Key, groupId: string): void {
  const groups = index.get(key)
  if (groups === undefined) index.set(key, new Set([groupId]))
  else groups.add(groupId)
}

function take<Key>(index: Map<Key, Set<string>>, key: Key, groupId: string): void {
  const groups = index.get(key)
  groups?.delete(groupId)
  if (groups?.size === 0) index.delete(key)
}
