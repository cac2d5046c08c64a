// What the handlers of group APIs share: who calls, and what a call to a group that failed means to a
// client. Whether it took effect is unknown; the codes are those on which clients ask again and keep
// their member ids.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type { GroupCaller } from '../../group/contract.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

export function groupCaller(
  { version, clientId }: Call,
  { clientHost }: BrokerContext,
): GroupCaller {
  return { version, clientId: clientId ?? '', clientHost }
}

/** What a coordinator's call came to; `otherwise` when it was rejected. */
export async function askCoordinator<Answer>(
  context: BrokerContext,
  what: string,
  call: () => Promise<Answer>,
  otherwise: Answer,
): Promise<Answer> {
  try {
    return await call()
  } catch (error) {
    context.log('warn', 'call to a group failed', { what, reason: String(error) })
    return otherwise
  }
}

/** Groups are joined by a name; offsets alone may also be kept under an empty one, as long ago. */
export function groupIdError(groupId: string): ErrorCode {
  return groupId === '' ? KafkaError.INVALID_GROUP_ID : KafkaError.NONE
}
