// The state of a group in words: Kafka's names say what its coordinator does, these what a person wants to
// know. Kafka's own name is there on hover.

import { Pill, type Tone } from '../../parts/pill.tsx'

/** What is known of a group; null where nothing was reported yet. */
export interface KnownState {
  readonly state: string
  readonly members: number | null
  readonly lag: number | null
}

/** The words, and how good that is. */
export function wordsOf({ state, lag }: KnownState): readonly [Tone, string] {
  switch (state) {
    case 'Stable':
      return lag === 0 ? ['good', 'caught up'] : ['good', 'reading']
    case 'Empty':
      return (lag ?? 0) > 0 ? ['bad', 'nobody reads'] : ['plain', 'nobody in it']
    case 'PreparingRebalance':
      return ['warn', 'members are joining']
    case 'CompletingRebalance':
    case 'Assigning':
      return ['warn', 'assigning partitions']
    case 'Reconciling':
      return ['warn', 'moving partitions']
    case 'Dead':
      return ['plain', 'gone']
    default:
      return ['plain', state]
  }
}

/** The words as a pill. */
export function GroupState({ group }: { readonly group: KnownState }) {
  const [tone, words] = wordsOf(group)
  return (
    <span title={`Kafka's name: ${group.state}`}>
      <Pill tone={tone}>{words}</Pill>
    </span>
  )
}

/** `7 records behind`, and whether anybody reads, in a sentence. */
export function sentenceOf({ state, members, lag }: KnownState, lagWords: string): string {
  const many = members ?? 0
  const who =
    many === 0 ? 'Nobody is in it' : `${many} ${many === 1 ? 'member is' : 'members are'} in it`
  if (lag === null) return `${who}, and nothing is committed yet.`
  if (state !== 'Stable' && state !== 'Empty' && state !== 'Dead') {
    return `${who}, ${wordsOf({ state, members, lag })[1]}; it is ${lagWords}.`
  }
  if (lag === 0) return `${who}, and it has read all there is.`
  return many === 0
    ? `${who}: it is ${lagWords}, and stays behind until a member joins.`
    : `${who}; it is ${lagWords}.`
}
