// Of which topics the principals of members were found to be allowed to know, for those who subscribe by patterns on
// a broker that asks who somebody is. A topic that nobody has judged yet is hidden. In memory only: after a load the
// topics that a principal's members were assigned count as shown until they are judged again. Not the judging: the
// broker knows the rules, and is asked with the next heartbeat of a member (heartbeats.ts).

import type { TopicId } from '../../core/ids.ts'
import { PATTERN_PRINCIPALS_PER_GROUP, PATTERN_VIEW_MS } from '../../core/limits/coordinators.ts'
import type { Verdict } from '../contract.ts'

/** What one principal may know. */
interface View {
  /** By topic: whether it is shown. */
  readonly judged: Map<TopicId, boolean>
  /** Patterns of which every match is judged, in the topics as they are now. */
  readonly whole: Set<string>
  judgedAtMs: number
}

/** See the head of this file. */
export class Views {
  readonly #byPrincipal = new Map<string, View>()

  /** Whether there is room for what this principal may know. */
  hasRoomFor(principal: string): boolean {
    return this.#byPrincipal.has(principal) || this.#byPrincipal.size < PATTERN_PRINCIPALS_PER_GROUP
  }

  isShown(principal: string, id: TopicId): boolean {
    return this.#byPrincipal.get(principal)?.judged.get(id) === true
  }

  /** What was shown before the group was loaded, to be judged again as soon as somebody can. */
  presume(principal: string, ids: Iterable<TopicId>): void {
    const view = this.#viewOf(principal)
    for (const id of ids) view.judged.set(id, true)
  }

  /**
   * The topics to be judged before the matches of this pattern can be told: none while each of them was
   * judged, and not too long ago.
   */
  toJudge(
    principal: string,
    pattern: string,
    matched: readonly { readonly id: TopicId }[],
    nowMs: number,
  ): readonly TopicId[] {
    const view = this.#byPrincipal.get(principal)
    const ids = matched.map(({ id }) => id)
    if (view === undefined) return ids
    if (nowMs - view.judgedAtMs < PATTERN_VIEW_MS) {
      if (view.whole.has(pattern)) return []
      if (ids.every((id) => view.judged.has(id))) {
        view.whole.add(pattern)
        return []
      }
    }
    return [...new Set([...ids, ...view.judged.keys()])]
  }

  /** Takes a verdict about topics that there are. True when something is shown that was not, or the reverse. */
  judge(
    principal: string,
    { shown, hidden }: Verdict,
    isAlive: (id: TopicId) => boolean,
    nowMs: number,
  ): boolean {
    const view = this.#viewOf(principal)
    view.judgedAtMs = nowMs
    let isChanged = false
    const take = (ids: readonly TopicId[], isShown: boolean) => {
      for (const id of ids) {
        if (!isAlive(id)) continue
        if ((view.judged.get(id) ?? false) !== isShown) isChanged = true
        view.judged.set(id, isShown)
      }
    }
    take(shown, true)
    take(hidden, false)
    return isChanged
  }

  /** There are other topics than before. */
  topicsChanged(isAlive: (id: TopicId) => boolean): void {
    for (const { judged, whole } of this.#byPrincipal.values()) {
      whole.clear()
      for (const id of judged.keys()) if (!isAlive(id)) judged.delete(id)
    }
  }

  /** Forgets what nobody of these asks for any more. */
  retain(principals: ReadonlySet<string>): void {
    for (const principal of this.#byPrincipal.keys()) {
      if (!principals.has(principal)) this.#byPrincipal.delete(principal)
    }
  }

  #viewOf(principal: string): View {
    let view = this.#byPrincipal.get(principal)
    if (view === undefined) {
      view = { judged: new Map(), whole: new Set(), judgedAtMs: Number.NEGATIVE_INFINITY }
      this.#byPrincipal.set(principal, view)
    }
    return view
  }
}
