// What a session answers to messages that name what is not there, or is something else. Not when.

import { KafkaError } from '../core/errors.ts'
import { badRequest, Problem } from '../http/problem.ts'

/** Of a number that no subscription ever had. */
export function noStream(sub: number): Problem {
  const detail = `there is no subscription ${sub}`
  return badRequest('sub', detail, { status: 404, members: { sub } })
}

/** Of a message about members that names a subscription to topics. */
export function noMember({ type, sub }: { readonly type: string; readonly sub: number }): Problem {
  const detail = `subscription ${sub} is not a member of a group, which ${type} is about`
  return badRequest('sub', detail, { members: { sub } })
}

/** Of the end of a subscription that names a member. */
export function noSubscription(sub: number): Problem {
  const detail = `${sub} is a member of a group: say leave`
  return badRequest('sub', detail, { members: { sub } })
}

/** Of a commit of who is no member. */
export function notJoined(sub: number): Problem {
  const detail = `${sub} is not a member of a group: it has left, or never joined`
  return new Problem(KafkaError.UNKNOWN_MEMBER_ID, { status: 409, field: 'sub', detail })
}
