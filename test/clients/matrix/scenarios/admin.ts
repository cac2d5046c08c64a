// Admin clients: each verb's normal answer and the error that Kafka gives for a bad request.

import { ClientError } from '../adapter.ts'
import { fails } from '../failures.ts'
import { until } from '../handles.ts'
import { Group } from '../members.ts'
import type { GroupDescription, GroupListing } from '../protocol.ts'
import { check, equal, numbered } from '../records.ts'
import type { Scenario } from '../scenario.ts'

const SOON_MS = 10_000
const UNKNOWN_TOPIC = ['UNKNOWN_TOPIC_OR_PARTITION', '_UNKNOWN_TOPIC', '_UNKNOWN_PARTITION']

export const ADMIN: readonly Scenario[] = [
  {
    name: 'admin/topics',
    needs: ['admin'],
    fast: true,
    async run(context) {
      const admin = await context.admin()
      const name = context.name('topic')
      const topics = [{ name, partitions: 3, configs: { 'retention.ms': '1234567' } }]
      await admin.call('admin.createTopics', { topics })
      const described = async () =>
        (await admin.call('admin.describeTopics', { topics: [name] })).topics
      await until({ what: `${name} with 3 partitions`, withinMs: SOON_MS }, async () => {
        // The creation is answered before every broker's metadata has it.
        const [topic] = await described().catch(unlessUnknown)
        return topic?.partitions.length === 3 && topic.partitions.every(({ leader }) => leader >= 0)
      })
      const [topic] = await described()
      equal(
        topic?.partitions.map((one) => one.partition).toSorted(),
        [0, 1, 2],
        'partitions described',
      )
      equal(topic?.partitions[0]?.replicas, topic?.partitions[0]?.isr, 'in-sync replicas')
      await fails(
        admin.call('admin.createTopics', { topics }),
        ['TOPIC_ALREADY_EXISTS'],
        'creating it again',
      )
      await admin.call('admin.deleteTopics', { topics: [name] })
      await fails(
        admin.call('admin.deleteTopics', { topics: [name] }),
        UNKNOWN_TOPIC,
        'deleting it again',
      )
    },
  },
  {
    name: 'admin/bad-topics',
    needs: ['admin'],
    async run(context) {
      const admin = await context.admin()
      const create = (name: string, partitions: number, configs = {}) =>
        admin.call('admin.createTopics', { topics: [{ name, partitions, configs }] })
      await fails(create('a b', 1), ['INVALID_TOPIC_EXCEPTION', 'INVALID_TOPIC'], 'a bad name')
      const name = context.name('topic')
      await fails(create(name, 1, { 'no.such.config': '1' }), ['INVALID_CONFIG'], 'a bad config')
      await fails(create(name, 1, { 'retention.ms': 'x' }), ['INVALID_CONFIG'], 'a bad value')
    },
  },
  {
    name: 'admin/validate-only',
    needs: ['admin'],
    async run(context) {
      const admin = await context.admin()
      const name = context.name('topic')
      const topics = [{ name, partitions: 2 }]
      await admin.call('admin.createTopics', { topics, validateOnly: true })
      // Had it been created, this would say so.
      await admin.call('admin.createTopics', { topics })
    },
  },
  {
    name: 'admin/partitions',
    needs: ['admin'],
    fast: true,
    async run(context) {
      const admin = await context.admin()
      const name = await context.topic(2)
      const grow = (partitions: number) =>
        admin.call('admin.createPartitions', { topics: [{ name, partitions }] })
      await grow(5)
      await until({ what: '5 partitions', withinMs: SOON_MS }, async () => {
        const { topics } = await admin.call('admin.describeTopics', { topics: [name] })
        return topics[0]?.partitions.length === 5
      })
      await fails(grow(5), ['INVALID_PARTITIONS'], 'growing to what it has')
      await fails(grow(1), ['INVALID_PARTITIONS'], 'shrinking')
    },
  },
  {
    name: 'admin/configs',
    needs: ['admin'],
    fast: true,
    async run(context) {
      const admin = await context.admin()
      const name = await context.topic()
      const resource = { type: 'topic', name } as const
      const read = async () => {
        const found = await admin.call('admin.describeConfigs', { resources: [resource] })
        return found.resources[0]?.configs ?? {}
      }
      equal((await read())['cleanup.policy'], 'delete', 'cleanup.policy before')
      const set = { 'cleanup.policy': 'compact' }
      await admin.call('admin.alterConfigs', { resources: [{ ...resource, set }] })
      await until(
        { what: 'cleanup.policy compact', withinMs: SOON_MS },
        async () => (await read())['cleanup.policy'] === 'compact',
      )
      const bad = { 'retention.ms': 'soon' }
      await fails(
        admin.call('admin.alterConfigs', { resources: [{ ...resource, set: bad }] }),
        ['INVALID_CONFIG', 'INVALID_REQUEST'],
        'a value that is no number',
      )
      const other = { type: 'topic', name: context.name('topic') } as const
      await fails(
        admin.call('admin.describeConfigs', { resources: [other] }),
        UNKNOWN_TOPIC,
        'the configs of a topic that does not exist',
      )
    },
  },
  {
    name: 'admin/delete-records',
    needs: ['admin'],
    async run(context) {
      const admin = await context.admin()
      const topic = await context.topic()
      const producer = await context.producer()
      await producer.send(topic, numbered(10))
      const deleted = (offset: number) =>
        admin.call('admin.deleteRecords', { offsets: [{ topic, partition: 0, offset }] })
      equal((await deleted(6)).offsets[0]?.offset, 6, 'low watermark')
      await fails(deleted(11), ['OFFSET_OUT_OF_RANGE'], 'deleting beyond the end')
      const reader = await context.reader(topic)
      equal(await reader.beginningOffset(topic, 0), 6, 'beginning offset')
    },
  },
  {
    name: 'admin/groups',
    needs: ['admin', 'groups'],
    fast: true,
    async run(context) {
      const admin = await context.admin()
      const group = await Group.of(context, 'classic', 3)
      const member = await group.join()
      await group.settle()
      await member.commit([{ topic: group.topic, partition: 1, offset: 0 }])
      const { groups } = await admin.call('admin.listGroups', {})
      const listed = groups.find((one) => one.group === group.group)
      check(listed !== undefined, `${group.group} in the list`, `${groups.length} others`)
      is(listed, 'stable', 'classic')
      const describe = async () => {
        const got = await admin.call('admin.describeGroups', { groups: [group.group] })
        return got.groups[0]
      }
      const described = await describe()
      is(described, 'stable', 'classic')
      equal(
        described?.members.map(({ assignment }) =>
          assignment.map((one) => one.partition).toSorted(),
        ),
        [[0, 1, 2]],
        'assignments of the members described',
      )
      const offsets = await admin.call('admin.listOffsets', { group: group.group })
      equal(
        offsets.offsets.filter(({ offset }) => offset !== null && offset >= 0),
        [{ topic: group.topic, partition: 1, offset: 0 }],
        'committed offsets',
      )
      await fails(
        admin.call('admin.deleteGroups', { groups: [group.group] }),
        ['NON_EMPTY_GROUP'],
        'deleting a group with a member',
      )
      await group.leave(member)
      is(await describe(), 'empty', 'classic')
      await admin.call('admin.deleteGroups', { groups: [group.group] })
      await fails(
        admin.call('admin.deleteGroups', { groups: [group.group] }),
        ['GROUP_ID_NOT_FOUND'],
        'deleting it again',
      )
    },
  },
  {
    name: 'admin/consumer-groups',
    needs: ['admin', 'group-consumer'],
    async run(context) {
      const admin = await context.admin()
      const group = await Group.of(context, 'consumer', 2)
      const member = await group.join()
      await group.settle()
      const describe = async () => {
        const got = await admin.call('admin.describeGroups', { groups: [group.group] })
        return got.groups[0]
      }
      const described = await describe()
      is(described, 'stable', 'consumer')
      equal(described?.members.length, 1, 'members')
      await group.leave(member)
      is(await describe(), 'empty', 'consumer')
      await admin.call('admin.deleteGroups', { groups: [group.group] })
    },
  },
  {
    name: 'admin/delete-offsets',
    needs: ['admin', 'groups'],
    async run(context) {
      const admin = await context.admin()
      const group = await Group.of(context, 'classic', 2)
      const member = await group.join()
      await group.settle()
      const { topic } = group
      await member.commit([
        { topic, partition: 0, offset: 0 },
        { topic, partition: 1, offset: 0 },
      ])
      const remove = (partition: number) =>
        admin.call('admin.deleteOffsets', {
          group: group.group,
          partitions: [{ topic, partition }],
        })
      await fails(remove(0), ['GROUP_SUBSCRIBED_TO_TOPIC'], 'offsets of a subscribed topic')
      await group.leave(member)
      await remove(0)
      const { offsets } = await admin.call('admin.listOffsets', { group: group.group })
      equal(
        offsets.filter(({ offset }) => offset !== null && offset >= 0),
        [{ topic, partition: 1, offset: 0 }],
        'committed offsets left',
      )
    },
  },
]

/** A topic that is not known yet is no topic; any other error is one. */
function unlessUnknown(error: unknown): [] {
  if (error instanceof ClientError && UNKNOWN_TOPIC.includes(error.code)) return []
  throw error
}

/** Checks state and type, which some clients do not tell (then they are empty). */
function is(group: GroupListing | GroupDescription | undefined, state: string, type: string) {
  const seen = [group?.state.toLowerCase(), group?.type.toLowerCase()]
  equal([seen[0] || state, seen[1] || type], [state, type], 'state and type')
}
