// What a coordinator tells the Statistics object of its group, at most every ten seconds and only after something
// has changed: its state, how many are in it, and the offsets that were committed since. The first report of a life
// has all of them, because what the life before did not get told is not known.

import type { TopicId } from '../core/ids.ts'
import { Reports, type ReportsOptions } from '../runtime/reports.ts'
import type { GroupReport, ReportedOffsets } from '../statistics/contract.ts'
import type { GroupChange } from './commands.ts'
import type { TopicOffsets } from './offsets.ts'

/** A group as it is told of. */
export interface ReportedGroup {
  readonly groupId: string
  readonly type: 'classic' | 'consumer'
  readonly state: string
  readonly members: number
  readonly topics: Iterable<readonly [TopicId, TopicOffsets]>
}

export interface GroupReportingOptions extends Omit<ReportsOptions, 'send'> {
  /** null: there is no group. */
  readonly group: () => ReportedGroup | null
  /** Whose coordinator this is; null while nobody has said so. */
  readonly groupId: () => string | null
  readonly send: (report: GroupReport) => Promise<void>
}

/** See the head of this file. */
export class GroupReporting {
  readonly #options: GroupReportingOptions
  readonly #reports: Reports
  #isWhole = true
  /** Partitions whose offsets were committed or forgotten since the last report. */
  #altered = new Map<TopicId, Set<number>>()

  constructor(options: GroupReportingOptions) {
    this.#options = options
    this.#reports = new Reports({ ...options, send: () => this.#send() })
  }

  /** What was written. */
  written(changes: readonly GroupChange[]): void {
    for (const change of changes) {
      // Its offsets went with it; another one may come before anybody was told.
      if (change.kind === 'gone') this.#begin()
      if (change.kind !== 'offset' || this.#isWhole) continue
      const { kind, topicId, partition } = change.offset
      if (kind !== 'commit' && kind !== 'forget') continue
      const partitions = this.#altered.get(topicId)
      if (partitions === undefined) this.#altered.set(topicId, new Set([partition]))
      else partitions.add(partition)
    }
    this.#reports.changed()
  }

  /** The group is in another state, or gone. */
  changed(): void {
    this.#reports.changed()
  }

  async #send(): Promise<void> {
    const group = this.#options.group()
    if (group === null) {
      const groupId = this.#options.groupId()
      this.#begin()
      if (groupId !== null) await this.#options.send(goneReport(groupId))
      return
    }
    const { groupId, type, state, members } = group
    const whole = this.#isWhole
    const topics = whole ? everything(group) : this.#news(group)
    this.#isWhole = false
    this.#altered = new Map()
    const head = { kind: 'group', groupId, gone: false, state, type, members } as const
    try {
      await this.#options.send({ ...head, whole, topics })
    } catch (error) {
      this.#begin()
      throw error
    }
  }

  /** What was told is not known: the next report has everything. */
  #begin(): void {
    this.#isWhole = true
    this.#altered = new Map()
  }

  #news({ topics }: ReportedGroup): ReportedOffsets[] {
    const known = new Map(topics)
    return [...this.#altered].map(([topicId, altered]) => {
      const topic = known.get(topicId)
      const committed = (partition: number) => topic?.partitions.get(partition)?.offset ?? -1
      const partitions = [...altered].map((one) => [one, committed(one)] as const)
      return { topicId, name: topic?.name ?? '', partitions }
    })
  }
}

function everything({ topics }: ReportedGroup): ReportedOffsets[] {
  return [...topics].map(([topicId, { name, partitions }]) => ({
    topicId,
    name,
    partitions: [...partitions].map(([partition, { offset }]) => [partition, offset] as const),
  }))
}

function goneReport(groupId: string): GroupReport {
  const none = { state: 'Dead', type: 'classic', members: 0, whole: true, topics: [] } as const
  return { kind: 'group', groupId, gone: true, ...none }
}
