// Consumer groups: a rebalance beside Apache Kafka's, commits of offsets beside produced records, and what
// a thousand idle members cost in memory and on disk.

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { decodeResponse, encodeRequest } from '../../../src/protocol/codec.ts'
import { OffsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { LoadClient } from '../client.ts'
import { type GroupMember, openGroup } from '../group-client.ts'
import { createTopic, produce, produceRequest, TOPIC } from '../kafka.ts'
import { launch, objectsOf, workerdOf } from '../launcher.ts'
import { residentBytes } from '../memory.ts'
import { newFolder } from '../processes.ts'
import { byTurns, type Figure, median, megabytes, ratios, roundsWithinMs } from '../rounds.ts'
import { shareKafka } from '../systems/kafka.ts'

const REBALANCE_GOAL = { atMost: 2 }
const COMMITS_GOAL = { atLeast: 0.5 }
const IDLE_MEMORY_GOAL = { atMost: 1.1 }
/** A row is a page of 4 KiB in the write-ahead log at least; what is left is the one alarm. */
const IDLE_BYTES_GOAL = { atMost: 1 }

const MEMBERS = 100
const IDLE_MEMBERS = 1_000
const IN_FLIGHT = 64
const COMMIT_VERSION = 7

/** All members of a stable group rejoin: from the first JoinGroup to the last SyncGroup answered. */
export async function rebalanceFigures(quick: boolean): Promise<Figure[]> {
  const rival = await shareKafka('default')
  if (rival === null) return []
  const broker = await launch(process.execPath, newFolder())
  const ours = await openGroup(broker.kafkaPort, 'bench', MEMBERS)
  const theirs = await openGroup(rival.kafkaPort, 'bench', MEMBERS)
  const systems = { ottla: () => rebalance(ours), kafka: () => rebalance(theirs) }
  await byTurns(3, systems)
  const { ottla, kafka } = await byTurns(quick ? 11 : 31, systems, roundsWithinMs(quick))
  for (const member of [...ours, ...theirs]) member.close()
  await broker.stop()
  await rival.stop()
  return [
    {
      name: `rebalance of ${MEMBERS} members / Apache Kafka`,
      values: ratios(ottla, kafka),
      goal: REBALANCE_GOAL,
      detail: `${median(ottla).toFixed(1)} ms, Kafka ${median(kafka).toFixed(1)} ms; no rebalance delay on either`,
    },
  ]
}

async function rebalance(members: readonly GroupMember[]): Promise<number> {
  const startMs = performance.now()
  await Promise.all(members.map((member) => member.rebalance()))
  return performance.now() - startMs
}

/** OffsetCommit requests of one partition against Produce requests of one record. */
export async function commitFigures(quick: boolean): Promise<Figure[]> {
  const broker = await launch(process.execPath, newFolder())
  const client = await LoadClient.open(broker.kafkaPort)
  await createTopic(client)
  const count = quick ? 4_000 : 12_000
  const request = produceRequest(1)
  const systems = {
    async commits() {
      return (count * 1e3) / (await commit(client, count))
    },
    async records() {
      return (count * 1e3) / (await produce(client, { request, count, inFlight: IN_FLIGHT }))
    },
  }
  await byTurns(2, systems)
  const { commits, records } = await byTurns(quick ? 5 : 11, systems, roundsWithinMs(quick))
  client.close()
  await broker.stop()
  return [
    {
      name: 'offset commits / one-record produces',
      values: ratios(commits, records),
      goal: COMMITS_GOAL,
      detail:
        `${median(commits).toFixed(0)} commits/s, ${median(records).toFixed(0)} produces/s, ` +
        `${IN_FLIGHT} in flight on one connection`,
    },
  ]
}

function commit(client: LoadClient, count: number): Promise<number> {
  const header = { correlationId: 1, clientId: 'ottla-bench' }
  const partition = { partitionIndex: 0, committedOffset: 17, committedMetadata: null }
  const request = encodeRequest(OffsetCommit, COMMIT_VERSION, header, {
    groupId: 'commits',
    memberId: '',
    topics: [{ name: TOPIC, partitions: [partition] }],
  })
  return client.pipeline({
    count,
    inFlight: IN_FLIGHT,
    request,
    take(frame) {
      const { body } = decodeResponse(OffsetCommit, COMMIT_VERSION, frame)
      const errorCode = body.topics[0]?.partitions[0]?.errorCode
      if (errorCode !== 0) throw new Error(`OffsetCommit: error ${errorCode}`)
    },
  })
}

/** Members that only heartbeat: workerd's memory after many rounds, and what their group's file grew by. */
export async function idleMemberFigures(quick: boolean): Promise<Figure[]> {
  const data = newFolder()
  const broker = await launch(process.execPath, data)
  const workerd = workerdOf(broker.pid)
  const members = await openGroup(broker.kafkaPort, 'idle', IDLE_MEMBERS)
  const heartbeats = async (rounds: number) => {
    let peak = 0
    for (let round = 0; round < rounds; round++) {
      await Promise.all(members.map((member) => member.heartbeat()))
      peak = Math.max(peak, residentBytes(workerd))
    }
    return peak
  }
  const rounds = quick ? 20 : 60
  await heartbeats(5)
  const bytesBefore = groupFileBytes(data)
  const first = await heartbeats(rounds)
  const second = await heartbeats(rounds)
  const written = groupFileBytes(data) - bytesBefore
  for (const member of members) member.close()
  await broker.stop()
  const detail = `${IDLE_MEMBERS} members, ${2 * rounds * IDLE_MEMBERS} heartbeats`
  return [
    {
      name: 'memory, 2nd half of heartbeats / 1st',
      values: [second / first],
      goal: IDLE_MEMORY_GOAL,
      detail: `${detail}; workerd at most ${megabytes(Math.max(first, second))}`,
    },
    {
      name: 'bytes written / heartbeat',
      values: [written / (2 * rounds * IDLE_MEMBERS)],
      goal: IDLE_BYTES_GOAL,
      detail: `${detail}; the group's files grew by ${written} bytes (its alarm)`,
    },
  ]
}

/** Of the database and its write-ahead log. */
function groupFileBytes(data: string): number {
  const folder = join(objectsOf(data), 'ottla-Group')
  const files = readdirSync(folder).filter((name) => /\.sqlite(-wal)?$/.test(name))
  return files.reduce((bytes, name) => bytes + statSync(join(folder, name)).size, 0)
}
