// Who the broker takes the person at this page for, and what they may do: so that nobody is shown a control that would be
// refused. Until it is known everything is shown, as on a broker that asks nobody; the broker decides in any case.

import { pathOf } from './http.ts'
import { useReading } from './reading.ts'

/** Kafka's operations, as far as the page has controls for them. */
export type Operation =
  | 'READ'
  | 'WRITE'
  | 'CREATE'
  | 'DELETE'
  | 'ALTER'
  | 'DESCRIBE'
  | 'ALTER_CONFIGS'

/** As `/v1/me` tells it. */
export interface Me {
  readonly principal: string
  readonly isOpen: boolean
  readonly isSession: boolean
  readonly cluster: readonly string[]
  readonly any: { readonly topic: readonly string[]; readonly group: readonly string[] }
  readonly topics: Readonly<Record<string, readonly string[]>>
  readonly groups: Readonly<Record<string, readonly string[]>>
}

/** Rules may change at any time, and here at the latest after this. */
const EVERY_MS = 60_000

/** Who is here; undefined until that is known. */
export function useMe(): Me | undefined {
  return useReading<Me>(pathOf(['me']), { everyMs: EVERY_MS }).data
}

/** Whether they may create topics, and delete one or another. */
export function useMayWithTopics(): { readonly create: boolean; readonly destroy: boolean } {
  const me = useMe()
  return {
    create: me === undefined || me.cluster.includes('CREATE') || me.any.topic.includes('CREATE'),
    destroy: me === undefined || me.any.topic.includes('DELETE'),
  }
}

/** Whether they may do this with a topic. */
export function useMayWithTopic(topic: string): (operation: Operation) => boolean {
  const me = useMeWith({ topic })
  return (operation) => me?.topics[topic]?.includes(operation) ?? true
}

/** Whether they may do this with a group. */
export function useMayWithGroup(group: string): (operation: Operation) => boolean {
  const me = useMeWith({ group })
  return (operation) => me?.groups[group]?.includes(operation) ?? true
}

/** A broker that asks nobody is asked once, and not about everything. */
function useMeWith(resource: Readonly<Record<string, string>>): Me | undefined {
  const isOpen = useMe()?.isOpen ?? true
  return useReading<Me>(pathOf(['me'], isOpen ? {} : resource), { everyMs: EVERY_MS }).data
}
