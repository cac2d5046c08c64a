// Changes that the controller is asked for, and what is said of each resource when the disk has no room for
// them. Not what may change (../cluster decides): its refusals are in its answers. Any other failure of the
// call ends the connection: whether it took effect is unknown, and clients look when they are back.

import type { ClusterRpc } from '../cluster/contract.ts'
import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { ObjectCallError } from '../runtime/objects.ts'
import type { BrokerContext } from './context.ts'

/** Why a change was not made, in the fields that every response of these APIs has. */
export interface NotStored {
  readonly errorCode: ErrorCode
  readonly errorMessage: string
}

const NOT_STORED: NotStored = {
  errorCode: KafkaError.KAFKA_STORAGE_ERROR,
  errorMessage: 'The change could not be stored: the disk is full or broken.',
}

/** Asks for a change; `otherwise` says of each resource that it was not made. */
export async function askController<Answer>(
  context: BrokerContext,
  ask: (controller: ClusterRpc) => Promise<Answer>,
  otherwise: (notStored: NotStored) => Answer | Promise<Answer>,
): Promise<Answer> {
  try {
    return await ask(context.objects.cluster)
  } catch (cause) {
    if (!(cause instanceof ObjectCallError) || !cause.storageFailed) throw cause
    context.log('warn', 'a change was not stored', { reason: String(cause) })
    return otherwise(NOT_STORED)
  }
}

/** A configured thing, as requests and answers name it. */
interface Named {
  readonly resourceType: number
  readonly resourceName: string
}

/** The same of a change of configurations, whose answer has an entry for each resource. */
export function askForConfigs<Resource extends Named, Answer>(
  context: BrokerContext,
  { resources }: { readonly resources: readonly Resource[] },
  ask: (controller: ClusterRpc) => Promise<Answer>,
): Promise<Answer | { throttleTimeMs: number; responses: (Named & NotStored)[] }> {
  return askController<Answer | { throttleTimeMs: number; responses: (Named & NotStored)[] }>(
    context,
    ask,
    (notStored) => ({
      throttleTimeMs: 0,
      responses: resources.map(({ resourceType, resourceName }) => {
        return { resourceType, resourceName, ...notStored }
      }),
    }),
  )
}

/** Whether something was asked and none of it is left to be asked of the controller. */
export function nothingLeft(asked: readonly unknown[], left: readonly unknown[]): boolean {
  return asked.length > 0 && left.length === 0
}

/**
 * A condition on things by their keys: those that a request has more than once. The controller refuses all copies of
 * them, so who may what is not asked of them, and they have no quota: all copies must get there, or none.
 */
export function namedTwice(keys: readonly string[]): (key: string) => boolean {
  const times = new Map<string, number>()
  for (const key of keys) times.set(key, (times.get(key) ?? 0) + 1)
  return (key) => (times.get(key) ?? 0) > 1
}
