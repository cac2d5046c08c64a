// The cluster that the views of groups, transactions and names are looked at with: Debian's whole package index in
// eight partitions, its descriptions in Japanese and German, 500 topics with names of up to 249 characters, 40
// groups (one lagging, one dead, one of which both protocols are members), binary keys, tombstones, a record of
// 1 MiB, aborted and open transactions, a batch that cannot be read. Not a test.

import type { TestContext } from 'vitest'
import { partitionForKey } from '../../src/core/murmur2.ts'
import { CreateTopics } from '../../src/protocol/messages/create-topics.ts'
import { OffsetCommit } from '../../src/protocol/messages/offset-commit.ts'
import { batch, Codec } from '../clients/batches.ts'
import type { Broker } from '../clients/broker.ts'
import { produce, topicReady, topicToCreate } from '../clients/calls.ts'
import { ClassicMember, protocol, RANGE, subscription } from '../clients/classic-member.ts'
import { LiveClient } from '../clients/live-client.ts'
import { descriptions, packageStanzas, type Stanza } from '../clients/packages.ts'
import { end, produceIn, producer } from '../clients/transaction-calls.ts'
import { Wire } from '../clients/wire.ts'

export const PACKAGES = 'debian.packages'
/** A partition for each language. */
export const DESCRIPTIONS = 'debian.descriptions'
export const LANGUAGES = ['ja', 'de'] as const
export const ODD = 'odd.records'
export const PAYMENTS = 'payments'
/** Nobody is in it, and it is behind. */
export const DEAD = 'nightly-report'
/** A member reads, and is behind. */
export const LAGGING = 'search-indexer'
/** A member of each protocol. */
export const MIXED = 'mixed-fleet'
/** Has read all. */
export const DONE = 'archive'
export const LONGEST = `${'quarterly-settlements.'.repeat(11)}events`.padEnd(249, 'x').slice(0, 249)
export const LONG_GROUP = `${'consumer.of.everything.'.repeat(8)}eu-west`
export const OPEN_TRANSACTION = 'ledger-writer'
export const ABORTED_TRANSACTION = 'invoice-writer'
export const TOPICS = 500
export const GROUPS = 40
export const PARTITIONS = 8
/** The index was produced over so long, until now. */
const SPAN_MS = 3_000_000

/** The stanzas of the index by partition, as their keys say. Leaves the scenario out where there is no index. */
export async function packagesByPartition(context: TestContext): Promise<Stanza[][]> {
  const stanzas = await packageStanzas(context)
  if (placed !== undefined) return placed
  placed = Array.from({ length: PARTITIONS }, () => [])
  const encoder = new TextEncoder()
  for (const stanza of stanzas) {
    placed[partitionForKey(encoder.encode(stanza.key), PARTITIONS)]!.push(stanza)
  }
  return placed
}

let placed: Stanza[][] | undefined

/** Where the partitions of the index end. */
export async function packageEnds(context: TestContext): Promise<number[]> {
  return (await packagesByPartition(context)).map(({ length }) => length)
}

/** Fills a broker; what it returns has the members leave their groups. */
export async function fillAll(broker: Broker, context: TestContext): Promise<() => void> {
  const ends = await packageEnds(context)
  const wire = await Wire.open(broker.kafka)
  await createTopics(wire)
  await fillPackages(broker, await packageStanzas(context))
  await fillOdd(wire)
  await runTransactions(wire)
  await commitGroups(wire, ends)
  return joinGroups(broker, wire)
}

/** Puts the descriptions there. Leaves the scenario out where the machine has none. */
export async function fillDescriptions(broker: Broker, context: TestContext): Promise<Stanza[][]> {
  const all = await Promise.all(LANGUAGES.map((language) => descriptions(context, language)))
  const lines = all.flatMap((stanzas, partition) =>
    stanzas.map((stanza) => `${JSON.stringify({ ...stanza, partition })}\n`),
  )
  await produceLines(broker, DESCRIPTIONS, lines)
  return all
}

async function createTopics(wire: Wire): Promise<void> {
  const named = [
    topicToCreate(PACKAGES, PARTITIONS),
    topicToCreate(DESCRIPTIONS, LANGUAGES.length),
    topicToCreate(ODD, 1),
    topicToCreate(PAYMENTS, 2),
    topicToCreate(LONGEST, 3),
  ]
  const others = Array.from({ length: TOPICS - named.length }, (_, n) =>
    topicToCreate(`${'team.'.repeat(1 + (n % 40))}stream-${n}`, 1),
  )
  const body = { topics: [...named, ...others], timeoutMs: 15_000 }
  const { topics } = await wire.call(CreateTopics, 7, body)
  const failed = topics.find(({ errorCode }) => errorCode !== 0)
  if (failed !== undefined) throw new Error(`CreateTopics ${failed.name}: ${failed.errorCode}`)
  await topicReady(wire, PACKAGES, PARTITIONS)
}

async function fillPackages(broker: Broker, stanzas: readonly Stanza[]): Promise<void> {
  const first = Date.now() - SPAN_MS
  const lines = stanzas.map((stanza, at) => {
    const timestamp = first + Math.floor((at * SPAN_MS) / stanzas.length)
    return `${JSON.stringify({ ...stanza, timestamp })}\n`
  })
  await produceLines(broker, PACKAGES, lines)
}

/** One request, as somebody would send a file. */
async function produceLines(
  broker: Broker,
  topic: string,
  lines: readonly string[],
): Promise<void> {
  const response = await fetch(`${broker.http}/v1/topics/${topic}/records`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.join(''),
  })
  const answer = await response.text()
  const { count = 0 } = response.ok ? (JSON.parse(answer) as { readonly count?: number }) : {}
  if (count !== lines.length)
    throw new Error(`${topic}: ${response.status} ${answer.slice(0, 500)}`)
}

async function fillOdd(wire: Wire): Promise<void> {
  const timestamp = Date.now()
  const records = [
    { key: Buffer.from([0, 255, 254, 10, 127]), value: Buffer.from([0, 1, 2, 255]) },
    { key: 'tombstone', value: null },
    { key: '<script>alert(1)</script>', value: '<img src=x onerror=alert(1)>' },
  ]
  await written(wire, ODD, 0, batch({ records, timestamp }))
  const large = [{ key: 'large', value: 'x'.repeat(1024 * 1024 - 200) }]
  await written(wire, ODD, 0, batch({ records: large, timestamp }))
  // Its checksum is right and what it holds is not: nobody notices before it is opened.
  const payload = Buffer.from('this is no gzip')
  const fields = { records: [], recordCount: 3, lastOffsetDelta: 2, timestamp }
  await written(wire, ODD, 0, batch({ ...fields, codec: Codec.gzip, payload }))
}

async function written(wire: Wire, topic: string, partition: number, bytes: Buffer): Promise<void> {
  const { errorCode } = await produce(wire, topic, partition, bytes)
  if (errorCode !== 0) throw new Error(`Produce to ${topic}/${partition}: ${errorCode}`)
}

async function runTransactions(wire: Wire): Promise<void> {
  const open = await producer(wire, OPEN_TRANSACTION, { timeoutMs: 600_000 })
  await produceIn(wire, open, PAYMENTS, 1, { version: 12, value: 'not yet' })
  const aborting = await producer(wire, ABORTED_TRANSACTION)
  await produceIn(wire, aborting, PAYMENTS, 0, { version: 12, value: 'never' })
  await end(wire, aborting, false, 5)
  for (let n = 0; n < 4; n++) {
    const by = await producer(wire, `settlement-${n}`)
    await produceIn(wire, by, PAYMENTS, 0, { version: 12, value: `settled ${n}` })
    await end(wire, by, true, 5)
  }
}

async function commitGroups(wire: Wire, ends: readonly number[]): Promise<void> {
  const behind = (records: number) => ends.map((end) => end - records)
  await commit(wire, DEAD, PACKAGES, [10, 20, 30, 40, 50, 60, 70, 80])
  await commit(wire, DONE, PACKAGES, ends)
  await commit(wire, LONG_GROUP, PACKAGES, behind(1))
  // Two more are those that have members.
  for (let n = 0; n < GROUPS - 5; n++) {
    await commit(wire, `service-${n}`, PACKAGES, behind(n % 3 === 0 ? n : 0))
  }
}

async function commit(
  wire: Wire,
  groupId: string,
  topic: string,
  offsets: readonly number[],
): Promise<void> {
  const partitions = offsets.map((committedOffset, partitionIndex) => {
    return { partitionIndex, committedOffset, committedMetadata: null }
  })
  const body = { groupId, memberId: '', topics: [{ name: topic, partitions }] }
  const { topics } = await wire.call(OffsetCommit, 9, body)
  const failed = topics[0]!.partitions.find(({ errorCode }) => errorCode !== 0)
  if (failed !== undefined) throw new Error(`OffsetCommit of ${groupId}: ${failed.errorCode}`)
}

async function joinGroups(broker: Broker, wire: Wire): Promise<() => void> {
  await commit(wire, LAGGING, PACKAGES, [0, 0, 0, 100, 200, 300, 400, 500])
  const live = await LiveClient.open(broker.http)
  live.onMessage = ({ type, sub }) => {
    if (type === 'revoked') live.say({ type, sub })
  }
  const asked = { type: 'join', topics: [PACKAGES], bytes: 1 }
  live.say({ ...asked, sub: 1, group: LAGGING })
  live.say({ ...asked, sub: 2, group: MIXED })
  for (const own of [1, 2]) await live.hears(({ type, sub }) => type === 'assigned' && sub === own)
  const classic = new ClassicMember(await Wire.open(broker.kafka), MIXED, 'rack-7')
  const protocols = [protocol(RANGE, subscription(PACKAGES))]
  const patient = { sessionTimeoutMs: 300_000, rebalanceTimeoutMs: 300_000 }
  const { errorCode } = await classic.join({ protocols, ...patient })
  if (errorCode !== 0) throw new Error(`JoinGroup of ${MIXED}: ${errorCode}`)
  await classic.sync()
  return () => {
    void live.close()
    classic.wire.close()
    wire.close()
  }
}
