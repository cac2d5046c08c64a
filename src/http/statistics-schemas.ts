// The shapes of what is shown of the cluster's figures. As schemas.ts they validate requests and make the OpenAPI
// document, and are made on first use.

import * as z from 'zod/mini'
import {
  HISTORY_PARTITIONS,
  HISTORY_PARTITIONS_MAX,
  HISTORY_POINTS,
  HISTORY_POINTS_MAX,
} from '../core/limits/statistics.ts'
import { LAG_CURSOR } from './lag-page.ts'
import { both, lazily } from './lazily.ts'
import { described, listOf, listQuery, schemas, timeText, wholeNumber } from './schemas.ts'

/** The schemas by name. */
export type StatisticsSchemas = ReturnType<typeof makeSchemas>

let made: StatisticsSchemas | null = null

/** The schemas, made once per isolate. */
export function statisticsSchemas(): StatisticsSchemas {
  // They also set how zod works.
  schemas()
  made ??= makeSchemas()
  return made
}

function makeSchemas() {
  return both(
    lazily(overviewSchemas, ['overview', 'topicGroups', 'topicGroupsQuery']),
    lazily(historySchemas, ['lagHistory', 'lagHistoryQuery']),
  )
}

/** Of a query that lists by lag. */
function lagCursor() {
  return z
    .string()
    .check(
      z.regex(LAG_CURSOR, { error: 'must be a lag, a slash and a group, such as 10/billing' }),
      described('`next` of the page before'),
    )
}

function overviewSchemas() {
  const reported = timeText().check(described('When it was last heard of'))
  const group = z
    .strictObject({
      groupId: z.string(),
      type: z.enum(['classic', 'consumer']),
      state: z.string(),
      members: z.int(),
      lag: z.int().check(described('Records, of all partitions whose end is known')),
      topics: z.int(),
      reported,
    })
    .check(z.meta({ id: 'GroupFigures' }))
  const overview = z
    .strictObject({
      clusterId: z.nullable(z.string()),
      health: z.strictObject({
        status: z.enum(['ok', 'attention', 'empty']),
        sentence: z.string().check(described('For a person')),
      }),
      now: timeText(),
      reported: z.nullable(timeText()).check(described('When anything was last heard of')),
      ageSeconds: z
        .nullable(z.number())
        .check(
          described(
            'Since anything has reported. What is awake does every 10 seconds while something changes, so an idle cluster is silent',
          ),
        ),
      topics: z.int(),
      partitions: z.int(),
      records: z.int().check(described('Offsets from start to end of all partitions')),
      sizeBytes: z.int(),
      unknownPartitions: z
        .int()
        .check(described('Partitions that were written to and of which nothing was ever heard')),
      recordsPerSecond: z.number(),
      bytesPerSecond: z.number().check(described('Written')),
      readBytesPerSecond: z.number().check(described('Read by fetches')),
      groups: z.int(),
      deadGroups: z.int().check(described('Groups that lag and that nobody is in')),
      connections: z.int().check(described('Open now')),
      awake: z.int().check(described('Objects that have reported within the last 20 seconds')),
      errors: z
        .record(z.string(), z.int())
        .check(described("The broker's own errors of the last five minutes, by Kafka's name")),
      worstGroups: z.array(group).check(described('The five that lag most, worst first')),
    })
    .check(z.meta({ id: 'Overview' }))
  const topicGroup = z
    .strictObject({
      groupId: z.string(),
      type: z.enum(['classic', 'consumer']),
      state: z.string(),
      members: z.int(),
      lag: z.int().check(described('Records of this topic, of partitions whose end is known')),
      groupLag: z.int().check(described('Records of all its topics')),
      partitions: z.int().check(described('Partitions that it has committed an offset of')),
      reported,
    })
    .check(z.meta({ id: 'TopicGroup' }))
  const topicGroups = listOf(topicGroup).check(z.meta({ id: 'TopicGroups' }))
  const topicGroupsQuery = z.strictObject({
    ...listQuery('group id'),
    after: z.optional(lagCursor()),
  })
  return { overview, topicGroups, topicGroupsQuery }
}

function historySchemas() {
  const point = z
    .strictObject({
      time: timeText(),
      committed: z
        .nullable(z.int())
        .check(described('The next offset to read at that time; null: not known')),
      end: z
        .nullable(z.int())
        .check(
          described(
            'Where the partition ended, by the timestamps of its records; null: those are deleted',
          ),
        ),
      lag: z.nullable(z.int()).check(described('Records from committed to end')),
    })
    .check(z.meta({ id: 'LagPoint' }))
  const partition = z
    .strictObject({
      topic: z.string(),
      partition: z.int(),
      points: z.array(point).check(described('Oldest first; the last is of now')),
      error: z.optional(
        z
          .string()
          .check(described("Kafka's name of what keeps the ends from being known; absent if none")),
      ),
    })
    .check(z.meta({ id: 'PartitionLagHistory' }))
  const lagHistory = listOf(partition).check(z.meta({ id: 'LagHistory' }))
  const lagHistoryQuery = z.strictObject({
    topic: z.optional(z.string().check(described('This topic only'))),
    partition: z.optional(wholeNumber(0).check(described('This partition only; needs topic'))),
    minutes: z.optional(
      wholeNumber(1, HISTORY_POINTS_MAX - 2).check(
        described('How far back: 60 by default, 360 at most, which is what is kept'),
      ),
    ),
    points: z.optional(
      wholeNumber(2, HISTORY_POINTS_MAX).check(
        described(
          `Points of each partition, evenly spread, but for the last, which is now; ${HISTORY_POINTS} by default`,
        ),
      ),
    ),
    limit: z.optional(
      wholeNumber(1, HISTORY_PARTITIONS_MAX).check(
        described(`Most partitions in the answer; ${HISTORY_PARTITIONS} by default`),
      ),
    ),
    after: z.optional(
      z.string().check(
        z.regex(/^[^/]+\/\d{1,9}$/, {
          error: 'must be a topic, a slash and a partition, such as orders/0',
        }),
        described('`next` of the page before'),
      ),
    ),
  })
  return { lagHistory, lagHistoryQuery }
}
