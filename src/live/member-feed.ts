// The feed of a member: what of it is told to the client as it comes. Not what the member makes of its records (member.ts).

import type { Problem } from '../http/problem.ts'
import type { Tail, TopicRecords } from '../http/tail/contract.ts'
import { Feed } from './feed.ts'
import { messageText } from './outgoing.ts'
import type { StreamHost } from './stream.ts'

/** A feed that reads what the tail is assigned, within the grant. */
export function memberFeed(
  { outbox, sharers, surroundings }: StreamHost,
  tail: Tail,
  { sub, granted }: { readonly sub: number; readonly granted: number },
  member: {
    readonly records: (records: TopicRecords) => void
    readonly over: (problem: Problem | null) => void
  },
): Feed {
  return new Feed(tail, {
    outbox,
    granted,
    sharers,
    events: {
      ...member,
      // Of no use to a group: what counts is committed by offsets.
      position: () => {},
      reset: ({ topic, partition, reason, position, next }) => {
        const where = partition === null ? {} : { partition }
        outbox.send(messageText({ type: 'reset', sub, topic, ...where, reason, position, next }))
        surroundings.changed()
      },
      starved: (bytes) => outbox.send(messageText({ type: 'starved', sub, bytes })),
    },
  })
}
