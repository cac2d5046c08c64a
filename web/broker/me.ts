// Who the broker takes the person at this page for, and what they may do: so that nobody is shown a control that would be
// refused. Until it is known everything is shown, as on a broker that asks nobody; the broker decides in any case.

import { heard, pathOf } from './http.ts'
import { bring, useReading } from './reading.ts'

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
  /** The virtual cluster that this is; absent for main. */
  readonly tenant?: string
  readonly isOpen: boolean
  readonly isSession: boolean
  readonly cluster: readonly string[]
  readonly any: { readonly topic: readonly string[]; readonly group: readonly string[] }
  readonly topics: Readonly<Record<string, readonly string[]>>
  readonly groups: Readonly<Record<string, readonly string[]>>
}

/** Rules may change at any time, and here at the latest after this. So is a broker that is gone, where nothing else asks. */
const EVERY_MS = 10_000

/** The page came with it: what its view shows need not be asked for first. */
const brought = document.querySelector<HTMLMetaElement>('meta[name="ottla-me"]')?.content
if (brought !== undefined) {
  const me = JSON.parse(brought) as Me
  heard()
  bring(pathOf(['me']), me)
  for (const topic of Object.keys(me.topics)) bring(pathOf(['me'], { topic }), me)
  for (const group of Object.keys(me.groups)) bring(pathOf(['me'], { group }), me)
}

/** It is not what a view shows: how old it is says nothing. */
const BESIDE = { everyMs: EVERY_MS, isBeside: true }

/** Who is here; undefined until that is known. */
export function useMe(): Me | undefined {
  return useReading<Me>(pathOf(['me']), BESIDE).data
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
  return useReading<Me>(pathOf(['me'], isOpen ? {} : resource), BESIDE).data
}
