// kafkajs 2.2.4 consumes in groups: joins, commits, leaves, and resumes where it was.

import kafkajs, { type Consumer, type Kafka } from 'kafkajs'
import { beforeAll, describe, expect } from 'vitest'
import { bootstrap } from './broker.ts'
import { createTopic, until } from './calls.ts'
import { suite } from './target.ts'

const { Kafka: Client, logLevel, Partitioners } = kafkajs
const shared = suite('kafkajs-groups', { set: { 'group.initial.rebalance.delay.ms': '0' } })
const { scenario, connect, topic } = shared

let kafka: Kafka

beforeAll(() => {
  kafka = new Client({
    clientId: 'kafkajs',
    brokers: [bootstrap(shared.target.kafka)],
    logLevel: logLevel.NOTHING,
  })
})

async function produce(topicName: string, values: readonly string[]): Promise<void> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  const messages = values.map((value, index) => ({ value, partition: index % 4 }))
  await producer.send({ topic: topicName, messages })
  await producer.disconnect()
}

/** A member that puts what it gets into `seen`. */
async function member(groupId: string, topicName: string, seen: string[]): Promise<Consumer> {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 10_000, heartbeatInterval: 500 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topicName], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => void seen.push(String(message.value)),
  })
  return consumer
}

describe('a kafkajs group', () => {
  scenario('takes up where it was when it left', async () => {
    const name = topic()
    await createTopic(await connect(), name, 4)
    const first = Array.from({ length: 40 }, (_, index) => `a${index}`)
    await produce(name, first)
    const seen: string[] = []
    const one = await member(name, name, seen)
    await until(async () => seen.length >= 40)
    await one.disconnect()
    const second = Array.from({ length: 40 }, (_, index) => `b${index}`)
    await produce(name, second)
    const later: string[] = []
    const two = await member(name, name, later)
    await until(async () => later.length >= 40)
    await two.disconnect()
    expect(seen.toSorted()).toEqual(first.toSorted())
    expect(later.toSorted()).toEqual(second.toSorted())
  })

  scenario('shares a topic out among three members and gives all to the last one', async () => {
    const name = topic()
    await createTopic(await connect(), name, 4)
    const seen: [string[], string[], string[]] = [[], [], []]
    const members = [await member(name, name, seen[0])]
    members.push(await member(name, name, seen[1]), await member(name, name, seen[2]))
    const admin = kafka.admin()
    await admin.connect()
    await until(async () => {
      const { groups } = await admin.describeGroups([name])
      return groups[0]?.state === 'Stable' && groups[0].members.length === 3
    })
    await produce(
      name,
      Array.from({ length: 40 }, (_, index) => `a${index}`),
    )
    await until(async () => seen.flat().length >= 40)
    expect(seen.every((values) => values.length > 0)).toBe(true)
    await members[0]!.disconnect()
    await members[1]!.disconnect()
    await produce(
      name,
      Array.from({ length: 40 }, (_, index) => `b${index}`),
    )
    await until(async () => seen[2].filter((value) => value.startsWith('b')).length >= 40)
    await members[2]!.disconnect()
    await admin.disconnect()
    expect(seen.flat().filter((value) => value.startsWith('b'))).toHaveLength(40)
  })
})
