// What there is before the first case: topics, groups with offsets, transactional ids, users with their rules. Made by
// the super user of either broker. "seen" is what rules are about, "hidden" what they are not.

import type { TopicId } from '../../../src/core/ids.ts'
import { AddPartitionsToTxn } from '../../../src/protocol/messages/add-partitions-to-txn.ts'
import { ConsumerGroupHeartbeat } from '../../../src/protocol/messages/consumer-group-heartbeat.ts'
import { CreateAcls } from '../../../src/protocol/messages/create-acls.ts'
import { DescribeConfigs } from '../../../src/protocol/messages/describe-configs.ts'
import { FindCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { InitProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { OffsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { Operation } from '../../../src/security/access.ts'
import { createTopic } from '../calls.ts'
import type { Secured } from '../secured.ts'
import type { Wire } from '../wire.ts'
import { allow, type Case, CLUSTER, type Rule, type World } from './case.ts'
import { addPartitions, describeConfigs, offsetCommit } from './requests.ts'

const TOPICS = ['seen', 'hidden', 'doomed', 'kept']
const HEARTBEAT_MS = 5_000
const RULES_PER_REQUEST = 200
/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR: Apache Kafka makes its topics first. */
const NOT_YET = new Set([14, 15, 16])
const COORDINATORS_WITHIN_MS = 20_000
const RULES_WITHIN_MS = 20_000

/** Knows when the rules are there: it has the last one that is made. */
export const LAST_USER = 'last'

/** To be ended: its members' heartbeats go on. */
export interface MadeWorld extends World {
  end(): void
}

/** The user of a case, by its place in the list. */
export function userOf(index: number): string {
  return `u${index}`
}

/** Makes everything; answers when it can be used. */
export async function makeWorld(broker: Secured, cases: readonly Case[]): Promise<MadeWorld> {
  const admin = await broker.connect('admin')
  const ids = new Map<string, TopicId>()
  for (const name of TOPICS) ids.set(name, await createTopic(admin, name))
  const rules = cases.flatMap((one, index) => one.rules.map((rule) => ruleOf(userOf(index), rule)))
  rules.push(ruleOf(LAST_USER, allow(Operation.ALTER_CONFIGS, CLUSTER)))
  for (let at = 0; at < rules.length; at += RULES_PER_REQUEST) {
    const creations = rules.slice(at, at + RULES_PER_REQUEST)
    const { results } = await admin.call(CreateAcls, 3, { creations })
    const failed = results.find(({ errorCode }) => errorCode !== 0)
    if (failed !== undefined) throw new Error(`a rule was refused: ${failed.errorMessage}`)
  }
  // Apache Kafka makes the topics of its coordinators when somebody looks for these.
  for (const keyType of [0, 1]) {
    await admin.call(FindCoordinator, 4, { keyType, coordinatorKeys: ['seen'] })
  }
  for (const groupId of ['seen', 'hidden', 'doomed', 'emptied']) await commit(admin, groupId)
  const members = [
    await join(admin, 'next', ['seen']),
    await join(admin, 'mixed', ['seen', 'hidden']),
  ]
  for (const transactionalId of ['seen', 'hidden']) await begin(admin, transactionalId)
  const beating = setInterval(() => {
    for (const member of members) admin.call(ConsumerGroupHeartbeat, 0, member).catch(() => {})
  }, HEARTBEAT_MS)
  await rulesKnown(broker)
  return {
    end() {
      clearInterval(beating)
      admin.close()
    },
    topicId(name) {
      const id = ids.get(name)
      if (id === undefined) throw new Error(`there is no topic ${name}`)
      return id
    },
  }
}

function ruleOf(user: string, rule: Rule) {
  return { ...rule, principal: `User:${user}` }
}

/** Again while the answer says that the coordinator is not there yet. */
async function settled<Answer>(
  call: () => Promise<Answer>,
  errorOf: (answer: Answer) => number | undefined,
): Promise<Answer> {
  const deadline = Date.now() + COORDINATORS_WITHIN_MS
  for (;;) {
    const answer = await call()
    const error = errorOf(answer) ?? -1
    if (error === 0) return answer
    if (!NOT_YET.has(error) || Date.now() > deadline)
      throw new Error(`the world could not be made: ${error}`)
    await new Promise((done) => setTimeout(done, 50))
  }
}

async function commit(admin: Wire, groupId: string): Promise<void> {
  const request = { ...offsetCommit(['seen', 'hidden']), groupId }
  await settled(
    () => admin.call(OffsetCommit, 8, request),
    ({ topics }) => topics[0]?.partitions[0]?.errorCode,
  )
}

/** Gives the heartbeat by which the member stays. */
async function join(admin: Wire, groupId: string, subscribedTopicNames: string[]) {
  const { memberId, memberEpoch } = await settled(
    () =>
      admin.call(ConsumerGroupHeartbeat, 0, {
        groupId,
        memberId: '',
        memberEpoch: 0,
        rebalanceTimeoutMs: 60_000,
        subscribedTopicNames,
        topicPartitions: [],
      }),
    ({ errorCode }) => errorCode,
  )
  return { groupId, memberId: memberId ?? '', memberEpoch }
}

/** Leaves a transaction open in which both topics take part. */
async function begin(admin: Wire, transactionalId: string): Promise<void> {
  const { producerId, producerEpoch } = await settled(
    () => admin.call(InitProducerId, 4, { transactionalId, transactionTimeoutMs: 600_000 }),
    ({ errorCode }) => errorCode,
  )
  const request = {
    ...addPartitions(['kept', 'hidden']),
    v3AndBelowTransactionalId: transactionalId,
    v3AndBelowProducerId: producerId,
    v3AndBelowProducerEpoch: producerEpoch,
  }
  await settled(
    () => admin.call(AddPartitionsToTxn, 3, request),
    ({ resultsByTopicV3AndBelow: [first] }) => first?.resultsByPartition[0]?.partitionErrorCode,
  )
}

/** Apache Kafka's authorizer hears of rules later than who makes them. */
async function rulesKnown(broker: Secured): Promise<void> {
  const last = await broker.connect(LAST_USER)
  const deadline = Date.now() + RULES_WITHIN_MS
  for (;;) {
    const { results } = await last.call(DescribeConfigs, 4, describeConfigs([[4, '1']]))
    if (results[0]?.errorCode === 0) break
    if (Date.now() > deadline) throw new Error('the rules are not known')
    await new Promise((done) => setTimeout(done, 50))
  }
  last.close()
}
