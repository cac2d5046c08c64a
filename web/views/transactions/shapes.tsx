// What the broker answers of transactions, as far as the console reads it, and their states in words.

import { Pill, type Tone } from '../../parts/pill.tsx'

/** A row of /v1/transactions. */
export interface TransactionRow {
  readonly transactionalId: string
  readonly state: string
  readonly producerId: number
}

/** /v1/transactions/{transactionalId}. */
export interface TransactionShown extends TransactionRow {
  readonly producerEpoch: number
  readonly timeoutMs: number
  readonly startedMs: number | null
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
}

const WORDS: Readonly<Record<string, readonly [Tone, string]>> = {
  Empty: ['plain', 'none yet'],
  Ongoing: ['accent', 'open'],
  PrepareCommit: ['warn', 'committing'],
  PrepareAbort: ['warn', 'aborting'],
  PrepareEpochFence: ['warn', 'fencing'],
  CompleteCommit: ['good', 'committed'],
  CompleteAbort: ['bad', 'aborted'],
  Dead: ['plain', 'gone'],
}

/** The state of a transaction in words. */
export function wordsOf(state: string): readonly [Tone, string] {
  return WORDS[state] ?? ['plain', state]
}

/** The words as a pill; Kafka's name on hover. */
export function TransactionState({ state }: { readonly state: string }) {
  const [tone, words] = wordsOf(state)
  return (
    <span title={`Kafka's name: ${state}`}>
      <Pill tone={tone}>{words}</Pill>
    </span>
  )
}
