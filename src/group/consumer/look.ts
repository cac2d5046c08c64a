// What a heartbeat says and asks about the topics that its member may see, where it subscribes by a pattern and its
// broker has rules: a limit, a question, or the verdict taken over. Not what is kept of it (views.ts).

import { KafkaError } from '../../core/errors.ts'
import { PATTERN_PRINCIPALS_PER_GROUP } from '../../core/limits/coordinators.ts'
import type { HeartbeatCaller, TopicToJudge } from '../contract.ts'
import type { ConsumerMember } from './member.ts'
import { type Refusal, refusal } from './refusal.ts'
import type { Subscriptions } from './subscriptions.ts'

/** How a member's view stands with a heartbeat. */
export interface Look {
  /** To be judged before the heartbeat is taken; none when all is known. */
  readonly toJudge: readonly TopicToJudge[]
  /** The member's principal may see other topics than before. */
  readonly isChanged: boolean
}

/** What the member may see of what its pattern matches: known, or just said, or to be asked. Asked once a heartbeat. */
export function look(
  subscriptions: Subscriptions,
  member: ConsumerMember,
  { viewer }: HeartbeatCaller,
  nowMs: number,
): Look | Refusal {
  if (viewer === undefined || member.viewer === '') return { toJudge: [], isChanged: false }
  if (!subscriptions.hasRoomFor(member.viewer)) {
    return refusal(
      KafkaError.GROUP_MAX_SIZE_REACHED,
      `Members of ${PATTERN_PRINCIPALS_PER_GROUP} principals subscribe to topics by regular expressions already.`,
    )
  }
  if (viewer.verdict === null) {
    return { toJudge: subscriptions.toJudge(member, nowMs), isChanged: false }
  }
  return { toJudge: [], isChanged: subscriptions.judge(member, viewer.verdict, nowMs) }
}
