// The authorisation matrix: every API that the broker serves, asked by nobody, with a wrong password, by users with rules
// of their own. What users are answered was recorded from Apache Kafka 4.1.1 (vectors/authorisation.json; with
// OTTLA_ORACLE=1 it is asked again, and OTTLA_RECORD=1 writes the file), and both must say the same.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { APIS } from '../../src/broker/apis.ts'
import type { TopicId } from '../../src/core/ids.ts'
import { SECURITY_CACHE_MS } from '../../src/core/limits/security.ts'
import { ConsumerGroupHeartbeat } from '../../src/protocol/messages/consumer-group-heartbeat.ts'
import { CreateAcls } from '../../src/protocol/messages/create-acls.ts'
import { CreateTopics } from '../../src/protocol/messages/create-topics.ts'
import { DeleteAcls } from '../../src/protocol/messages/delete-acls.ts'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.ts'
import type { AnyApi } from '../../src/protocol/schema.ts'
import { Operation } from '../../src/security/access.ts'
import { Permission } from '../../src/security/acl.ts'
import { comparable, errorCodes } from './authorisation/answer.ts'
import { allow, type Case, group, PREFIXED, topic } from './authorisation/case.ts'
import { CASES } from './authorisation/cases.ts'
import { createTopics, listOffsets } from './authorisation/requests.ts'
import { ROWS } from './authorisation/rows.ts'
import { LAST_USER, type MadeWorld, makeWorld, userOf } from './authorisation/world.ts'
import { ADMIN, authenticate, type Secured, startSecured } from './secured.ts'
import { Ended, Wire } from './wire.ts'

const FILE = join(import.meta.dirname, '../vectors/authorisation.json')
const RECORDS = process.env.OTTLA_RECORD === '1'

/** TOPIC, GROUP, CLUSTER, TRANSACTIONAL_ID_AUTHORIZATION_FAILED */
const DENIALS = new Set([29, 30, 31, 53])
const TOPIC_AUTHORIZATION_FAILED = 29
const SASL_AUTHENTICATION_FAILED = 58

/** What a client may ask before anybody knows who it is. */
const UNAUTHENTICATED = new Set(['ApiVersions', 'SaslHandshake', 'SaslAuthenticate'])

/** Whose rules change while it is connected. */
const CHANGING = 'changing'

/** Who subscribes to topics by a pattern. Apache Kafka resolves one after the answer, and again after ten seconds. */
const MATCHING = 'matching'
const RESOLVED_WITHIN_MS = 20_000

let broker: Secured
let world: MadeWorld
const recorded: Record<string, unknown> = RECORDS ? {} : JSON.parse(readFileSync(FILE, 'utf8'))

beforeAll(async () => {
  broker = await startSecured([
    ...CASES.map((_, index) => userOf(index)),
    LAST_USER,
    CHANGING,
    MATCHING,
  ])
  world = await makeWorld(broker, CASES)
}, 120_000)

afterAll(async () => {
  world?.end()
  await broker?.stop()
  if (RECORDS) writeFileSync(FILE, `${JSON.stringify(recorded, null, 1)}\n`)
}, 30_000)

describe('the matrix', () => {
  it('has a row for every API that is served, and a case has a title of its own', () => {
    const rows = new Set(ROWS.map(({ api }) => api.name))
    const served = [...APIS.values()].map(({ api }) => api.name)
    expect(served.filter((name) => !rows.has(name) && !UNAUTHENTICATED.has(name))).toEqual([])
    expect(new Set(CASES.map(({ title }) => title)).size).toBe(CASES.length)
  })
})

describe('without credentials', () => {
  it.each(ROWS)('$api.name is not answered', async ({ api, version, request }) => {
    const wire = await Wire.open(broker.kafka)
    const answered = await isAnswered(wire, api, version, request(world))
    wire.close()
    expect(answered).toBe(UNAUTHENTICATED.has(api.name))
  })
})

describe('with a wrong password', () => {
  it('no API is answered', async () => {
    const answers = ROWS.map(async ({ api, version, request }) => {
      const wire = await Wire.open(broker.kafka)
      const refused = await authenticate(wire, userOf(0), 'a wrong password')
      expect(refused).toBe(SASL_AUTHENTICATION_FAILED)
      const answered = await isAnswered(wire, api, version, request(world))
      wire.close()
      return [api.name, answered]
    })
    expect(await Promise.all(answers)).toEqual(ROWS.map(({ api }) => [api.name, false]))
  })
})

describe('a user', () => {
  it.each(CASES.map((one, index) => ({ ...one, index })))('$title', async (one) => {
    const wire = await broker.connect(userOf(one.index))
    const answer = await wire.call(one.api as never, one.version, one.request(world) as never)
    wire.close()
    const compared = shown(one, answer)
    if (RECORDS) recorded[one.title] = compared
    expect(compared).toEqual(recorded[one.title])
  })
})

describe('rules that change', () => {
  const rule = {
    ...allow(Operation.DESCRIBE, topic('seen')),
    principal: `User:${CHANGING}`,
  }
  const errorFor = async (wire: Wire) => {
    const { topics } = await wire.call(ListOffsets, 7, listOffsets(['seen']))
    return topics[0]?.partitions[0]?.errorCode
  }

  it('count for clients that are connected, within the bound', async () => {
    const [admin, client] = await Promise.all([broker.connect(ADMIN), broker.connect(CHANGING)])
    const within = { timeout: SECURITY_CACHE_MS, interval: 50 }
    expect(await errorFor(client)).toBe(TOPIC_AUTHORIZATION_FAILED)
    await admin.call(CreateAcls, 3, { creations: [rule] })
    await expect.poll(() => errorFor(client), within).toBe(0)
    const denied = { ...rule, permissionType: Permission.DENY }
    await admin.call(CreateAcls, 3, { creations: [denied] })
    await expect.poll(() => errorFor(client), within).toBe(TOPIC_AUTHORIZATION_FAILED)
    const filter = {
      resourceTypeFilter: denied.resourceType,
      resourceNameFilter: denied.resourceName,
      principalFilter: denied.principal,
      hostFilter: null,
      operation: denied.operation,
      permissionType: denied.permissionType,
    }
    await admin.call(DeleteAcls, 3, { filters: [filter] })
    await expect.poll(() => errorFor(client), within).toBe(0)
    admin.close()
    client.close()
  })
})

describe('a member that subscribes by a pattern', () => {
  it(
    'is assigned what it may describe, and of new topics too',
    async () => {
      const rules = [
        allow(Operation.READ, group(MATCHING)),
        allow(Operation.DESCRIBE, topic('seen')),
        allow(Operation.DESCRIBE, topic('matched-'), PREFIXED),
      ]
      const creations = rules.map((rule) => ({ ...rule, principal: `User:${MATCHING}` }))
      const [admin, client] = await Promise.all([broker.connect(ADMIN), broker.connect(MATCHING)])
      const { results } = await admin.call(CreateAcls, 3, { creations })
      expect(results.map(({ errorCode }) => errorCode)).toEqual([0, 0, 0])
      const within = { timeout: RESOLVED_WITHIN_MS, interval: 100 }
      const joining = {
        groupId: MATCHING,
        memberId: 'a-member-of-its-own',
        memberEpoch: 0,
        rebalanceTimeoutMs: 60_000,
        subscribedTopicNames: [],
        subscribedTopicRegex: 'seen|hidden|(un)?matched-.*',
        topicPartitions: [] as { topicId: TopicId; partitions: number[] }[],
      }
      const join = () => client.call(ConsumerGroupHeartbeat, 1, joining)
      await expect.poll(async () => (await join()).errorCode, within).toBe(0)
      // Says all it has, so that it is told all it gets.
      const assigned = async () => {
        const { assignment, memberEpoch, errorCode } = await client.call(
          ConsumerGroupHeartbeat,
          1,
          joining,
        )
        expect(errorCode).toBe(0)
        joining.memberEpoch = memberEpoch
        joining.topicPartitions = assignment?.topicPartitions as typeof joining.topicPartitions
        return new Set(assignment?.topicPartitions.map(({ topicId }) => topicId))
      }
      const seen = world.topicId('seen')
      await expect.poll(assigned, within).toEqual(new Set([seen]))
      const made = await admin.call(
        CreateTopics,
        7,
        createTopics(['matched-later', 'unmatched-later'], false),
      )
      const later = made.topics.find(({ name }) => name === 'matched-later')?.topicId
      await expect.poll(assigned, within).toEqual(new Set([seen, later]))
      admin.close()
      client.close()
    },
    3 * RESOLVED_WITHIN_MS,
  )
})

function shown({ errorsOnly, title }: Case, answer: unknown): unknown {
  const codes = errorCodes(answer)
  if (errorsOnly === true) {
    expect(
      codes.filter((code) => DENIALS.has(code)),
      title,
    ).toEqual([])
    return codes
  }
  return comparable(answer)
}

async function isAnswered(wire: Wire, api: AnyApi, version: number, request: object) {
  try {
    await wire.call(api as never, version, request as never)
    return true
  } catch (error) {
    if (error instanceof Ended) return false
    throw error
  }
}
