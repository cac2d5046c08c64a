// Runs of records as steps of JSON texts: neighbouring runs of a topic become one message.

import type { RecordsStep, TopicRecords } from './contract.ts'
import { pairText } from './position.ts'
import type { Run } from './room.ts'

/** The position behind a run, and all that was taken before it. */
export function positionBehind({ around, partition, next }: Run): string {
  return around.before + pairText(partition, next) + around.behind
}

/** @param runs at least one, none of them encoded, those of a topic beside each other */
export function recordsStep(runs: readonly Run[]): RecordsStep {
  const topics: TopicRecords[] = []
  for (let at = 0; at < runs.length; ) {
    const first = runs[at]
    if (first === undefined) break
    let end = at + 1
    while (runs[end]?.topic === first.topic) end++
    topics.push(recordsOf(runs.slice(at, end), first))
    at = end
  }
  return { kind: 'records', topics }
}

function recordsOf(runs: readonly Run[], first: Run): TopicRecords {
  const records = runs.flatMap(({ items }) => items.map(({ json }) => json))
  // Their room was counted as this text.
  const bytes = runs.reduce((sum, { size }) => sum + size, 0)
  return {
    topic: first.topic.name,
    topicId: first.topic.id,
    records,
    bytes,
    position: positionBehind(runs.at(-1) ?? first),
  }
}
