// Each view of the console in each state that it can be in: the table that states.ts goes through, and that
// test/web/view-states.test.ts compares with the console's own list of views. Data alone.

import { EMPTY_TOPIC, ODD_TOPIC, TOPIC } from './console-data.ts'
import { DEAD, LAGGING, OPEN_TRANSACTION } from './data.ts'

/** Where a state is to be seen, and what is said there. */
export interface Shown {
  readonly path: string
  readonly words: string
  /** Only in a cluster that has nothing in it. */
  readonly isBare?: true
}

/** A state that a view has not, and why. */
export interface Without {
  readonly none: string
}

/** A view, and how it comes into its states. */
export interface ViewStates {
  /** The data that it is looked at with: console-data.ts or data.ts. */
  readonly data: 'small' | 'large'
  readonly path: string
  /** What it shows when it has its data. */
  readonly words: string
  /** What it reads, as Playwright matches addresses. Loading and failing are about that. */
  readonly reads: string | Without
  /** It is read again by itself: what fails then leaves what was shown. */
  readonly isPolled: boolean
  readonly empty: Shown | Without
  readonly noMatch: Shown | Without
  /** What is said of age when nobody answers. */
  readonly age?: RegExp
}

const topic = `/topics/${TOPIC}`
const HEARD_AGO = /It last did (\d+ s ago|just now)/
const NO_FILTER = { none: 'nothing in it is looked for' }

export const VIEW_STATES = {
  overview: {
    data: 'small',
    path: '/',
    words: 'No group is behind',
    reads: '**/v1/overview',
    isPolled: true,
    empty: { path: '/', words: 'Nothing is in it yet', isBare: true },
    noMatch: NO_FILTER,
  },
  topics: {
    data: 'small',
    path: '/topics',
    words: 'service-7.events',
    reads: '**/v1/topics?*',
    isPolled: true,
    empty: { path: '/topics', words: 'There is no topic yet', isBare: true },
    noMatch: { path: '/topics?q=zzz', words: 'No topic' },
  },
  messages: {
    data: 'small',
    path: topic,
    words: 'customer-39',
    reads: '**/partitions?*',
    isPolled: false,
    empty: { path: `/topics/${EMPTY_TOPIC}`, words: 'This topic has no messages' },
    noMatch: { path: `${topic}?text=nowhere`, words: 'No message matches' },
  },
  live: {
    data: 'small',
    path: `/topics/${ODD_TOPIC}?from=live`,
    words: 'Waiting for records',
    reads: { none: 'it waits for what is to come, and says that it connects' },
    isPolled: false,
    empty: { path: `/topics/${EMPTY_TOPIC}?from=live`, words: 'Waiting for records' },
    noMatch: { none: 'what does not match is counted: "0 of 3 matches shown"' },
    // Whoever is offline for the browser's sake keeps the stream that is open: console-away.ts has one that is cut.
    age: HEARD_AGO,
  },
  message: {
    data: 'small',
    path: `${topic}?at=3:5`,
    words: 'Send again',
    reads: '**/partitions/3/records?*',
    isPolled: false,
    empty: { path: `${topic}?at=3:999999`, words: 'not there' },
    noMatch: NO_FILTER,
  },
  produce: {
    data: 'small',
    path: `${topic}?tab=produce`,
    words: 'With a key',
    reads: { none: 'it writes; what it is refused is a scenario of its own' },
    isPolled: false,
    empty: { path: `${topic}?tab=produce`, words: 'What you send is listed here' },
    noMatch: NO_FILTER,
    age: HEARD_AGO,
  },
  partitions: {
    data: 'small',
    path: `${topic}?tab=partitions`,
    words: '8 partitions',
    reads: '**/partitions?*',
    isPolled: true,
    empty: { none: 'a topic has at least one' },
    noMatch: NO_FILTER,
  },
  config: {
    data: 'small',
    path: `${topic}?tab=config`,
    words: 'cleanup.policy',
    reads: '**/configs?*',
    isPolled: false,
    empty: {
      path: `/topics/${EMPTY_TOPIC}?tab=config&show=changed`,
      words: 'Everything is as by default',
    },
    noMatch: { path: `${topic}?tab=config&q=zzz`, words: 'No configuration matches' },
  },
  'topic-groups': {
    data: 'small',
    path: `${topic}?tab=groups`,
    words: 'No group reads this topic',
    reads: '**/groups?*',
    isPolled: true,
    empty: { path: `${topic}?tab=groups`, words: 'No group reads this topic' },
    noMatch: NO_FILTER,
  },
  groups: {
    data: 'large',
    path: '/groups',
    words: LAGGING,
    reads: '**/v1/groups?*',
    isPolled: true,
    empty: { path: '/groups', words: 'There is no group yet', isBare: true },
    noMatch: { path: '/groups?q=zzz', words: "No group's id" },
  },
  group: {
    data: 'large',
    path: `/groups/${DEAD}`,
    words: 'nobody reads',
    reads: `**/v1/groups/${DEAD}?*`,
    isPolled: true,
    empty: { path: `/groups/${DEAD}`, words: 'Nobody is in it' },
    noMatch: NO_FILTER,
  },
  transactions: {
    data: 'large',
    path: '/transactions',
    words: OPEN_TRANSACTION,
    reads: '**/v1/transactions?*',
    isPolled: true,
    empty: { path: '/transactions', words: 'There is no transactional id yet', isBare: true },
    noMatch: { path: '/transactions?q=zzz', words: 'No transactional id' },
  },
  transaction: {
    data: 'large',
    path: `/transactions?id=${OPEN_TRANSACTION}`,
    words: 'Partitions in it',
    reads: `**/v1/transactions/${OPEN_TRANSACTION}`,
    isPolled: true,
    empty: { none: 'an id that was never used is an error' },
    noMatch: NO_FILTER,
  },
  cluster: {
    data: 'large',
    path: '/cluster',
    words: 'transaction.version',
    reads: '**/v1/cluster',
    isPolled: true,
    empty: { path: '/cluster', words: 'Kafka protocol', isBare: true },
    noMatch: NO_FILTER,
  },
} as const satisfies Readonly<Record<string, ViewStates>>

/** The rows as they may be gone through. */
export const ROWS: readonly (readonly [string, ViewStates])[] = Object.entries(VIEW_STATES)

/** Whether a view has a state. */
export function has<Is>(state: Is | Without): state is Exclude<Is, Without> {
  return typeof state !== 'object' || state === null || !('none' in state)
}
