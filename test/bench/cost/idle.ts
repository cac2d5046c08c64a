// What waiting costs: consumers, groups and connections that do nothing, left alone in the runtime while
// their calls and the objects in memory are counted. Deployed, an object that has a call under way (a
// parked long poll) is billed for every second of it; one that was merely asked lately is not.

import { setTimeout as sleep } from 'node:timers/promises'
import { LoadClient } from '../client.ts'
import { type GroupMember, openGroup } from '../group-client.ts'
import { newFolder } from '../processes.ts'
import { Consumer } from '../scale/consumer.ts'
import { type OwnWorkerd, startOwn } from '../scale/own-workerd.ts'
import { type OpenFiles, objectsSettled, openFiles } from '../scale/process-stats.ts'
import { createTopics, endOffsets, recordsRequest, sendRecords } from '../scale/requests.ts'
import { monthOf, type Usage } from './bill.ts'
import { usageOf } from './data.ts'

const TOPIC = 'waiting'
const TERMS = { maxWaitMs: 500, maxBytes: 50 * 1024 * 1024, partitionMaxBytes: 1024 * 1024 }
/** The default of Kafka's consumers. */
const HEARTBEAT_MS = 3_000
const GROUP_MEMBERS = 10
const GROUP_PARTITIONS = 50
const CONNECTIONS = 100

/** For no longer it is waited until those objects that can be evicted are. */
const SETTLED_MS = 90_000
const LOOK_MS = { quick: 20_000, full: 40_000 }

/** Who waits; `leave` ends it. */
type Waiting = (port: number) => Promise<{ leave(): Promise<void> }>

/** A scenario, and what a month of it uses. */
export interface IdleMonth {
  readonly name: string
  readonly partitions: number
  readonly usage: Usage
  /** Object-seconds in a second: how many objects are billed for duration at any time. */
  readonly objectsBilled: number
  /** Objects in memory at the end, by class, by their open files. */
  readonly inMemory: OpenFiles['objects']
}

/** All scenarios at once, each on a broker of its own: they hardly use the machine. */
export async function idleMonths(quick: boolean): Promise<IdleMonth[]> {
  const consumers = [1, 50, 500].map((partitions) => ({
    name: partitions === 1 ? 'a consumer of 1 partition' : `a consumer of ${partitions} partitions`,
    partitions,
    waiting: consumerOf(0, partitions),
  }))
  const scenarios = [
    ...consumers,
    {
      name: `a group of ${GROUP_MEMBERS} on ${GROUP_PARTITIONS} partitions`,
      partitions: GROUP_PARTITIONS,
      waiting: group,
    },
    { name: `${CONNECTIONS} open connections`, partitions: 0, waiting: connections },
  ]
  const lookMs = LOOK_MS[quick ? 'quick' : 'full']
  return Promise.all(scenarios.map((scenario) => idleMonth(scenario, lookMs)))
}

interface Scenario {
  readonly name: string
  readonly partitions: number
  readonly waiting: Waiting
}

async function idleMonth(
  { name, partitions, waiting }: Scenario,
  lookMs: number,
): Promise<IdleMonth> {
  const workerd = await startOwn(newFolder())
  await filled(workerd, partitions)
  const { leave } = await waiting(workerd.kafkaPort)
  await objectsSettled(workerd.pid, SETTLED_MS)
  const startMs = performance.now()
  const usage = await usageOf(workerd, () => sleep(lookMs))
  const seconds = (performance.now() - startMs) / 1e3
  const inMemory = openFiles(workerd.pid).objects
  await leave()
  await workerd.stop()
  return {
    name,
    partitions,
    usage: monthOf(usage, seconds),
    objectsBilled: usage.objectSeconds / seconds,
    inMemory,
  }
}

/** A record in every partition: one that was never written would be nothing to wait at. */
async function filled({ kafkaPort }: OwnWorkerd, partitions: number): Promise<void> {
  if (partitions === 0) return
  const client = await LoadClient.open(kafkaPort)
  await createTopics(client, [TOPIC], partitions)
  for (let partition = 0; partition < partitions; partition++) {
    await sendRecords(client, recordsRequest(TOPIC, partition, [Buffer.from('{}')]))
  }
  client.close()
}

/** One consumer at the end of the partitions from `first` up to `end`. */
function consumerOf(first: number, end: number): Waiting {
  return async (port) => {
    const client = await LoadClient.open(port)
    const ends = await endOffsets(client, TOPIC, end)
    client.close()
    const next = new Map([...ends.entries()].filter(([partition]) => partition >= first))
    const consumer = await Consumer.open({ port, topic: TOPIC, next, terms: TERMS })
    const running = consumer.run()
    return {
      async leave() {
        consumer.close()
        await running
      },
    }
  }
}

/** Members that heartbeat, each with its share of the partitions to wait at. */
async function group(port: number) {
  const members = await openGroup(port, 'waiting', GROUP_MEMBERS)
  const share = GROUP_PARTITIONS / GROUP_MEMBERS
  const consumers = await Promise.all(
    members.map((_, at) => consumerOf(at * share, (at + 1) * share)(port)),
  )
  const timer = setInterval(() => heartbeat(members), HEARTBEAT_MS)
  return {
    async leave() {
      clearInterval(timer)
      await Promise.all(consumers.map((consumer) => consumer.leave()))
      for (const member of members) member.close()
    },
  }
}

function heartbeat(members: readonly GroupMember[]): void {
  // A member that is refused makes the bench end: what was counted would not be a group's.
  for (const member of members) void member.heartbeat()
}

async function connections(port: number) {
  const opening = Array.from({ length: CONNECTIONS }, () => LoadClient.open(port))
  const clients = await Promise.all(opening)
  return {
    async leave() {
      for (const client of clients) client.close()
    },
  }
}
