// A transaction of one batch in each of three partitions, begun as soon as the one before is over, beside
// Apache Kafka's: the newer flow (KIP-890) and the older one, where the client names its partitions.

import { AddPartitionsToTxn } from '../../../src/protocol/messages/add-partitions-to-txn.ts'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.ts'
import { EndTxn } from '../../../src/protocol/messages/end-txn.ts'
import { FindCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { InitProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import { buildBatch } from '../../../src/record/build.ts'
import { Wire } from '../../clients/wire.ts'
import { launch } from '../launcher.ts'
import { newFolder } from '../processes.ts'
import { byTurns, type Figure, median, ratios, roundsWithinMs } from '../rounds.ts'
import { shareKafka } from '../systems/kafka.ts'

const LATENCY_GOAL = { atMost: 2 }
const PARTITIONS = [0, 1, 2]
const TOPIC = 'bench-transactions'
const ID = 'bench'

const NONE = 0
/** The transaction before is being ended, or the coordinator is not there yet: clients ask again. */
const RETRIABLE = new Set([14, 15, 16, 19, 51])

type Flow = 'newer' | 'older'

/** Median latency of a transaction, flow by flow. */
export async function transactionFigures(quick: boolean): Promise<Figure[]> {
  const rival = await shareKafka('default')
  if (rival === null) return []
  const broker = await launch(process.execPath, newFolder())
  const figures: Figure[] = []
  for (const flow of ['newer', 'older'] as const) {
    const ours = await TransactionalProducer.open(broker.kafkaPort, flow)
    const theirs = await TransactionalProducer.open(rival.kafkaPort, flow)
    const count = quick ? 40 : 100
    const systems = { ottla: () => ours.latency(count), kafka: () => theirs.latency(count) }
    await byTurns(2, systems)
    const { ottla, kafka } = await byTurns(quick ? 7 : 15, systems, roundsWithinMs(quick))
    figures.push({
      name: `transaction of 3 partitions / Kafka (${flow} flow)`,
      values: ratios(ottla, kafka),
      goal: LATENCY_GOAL,
      detail: `median ${median(ottla).toFixed(2)} ms, Kafka ${median(kafka).toFixed(2)} ms`,
    })
    ours.close()
    theirs.close()
  }
  await broker.stop()
  await rival.stop()
  return figures
}

/** One producer with one transaction after the other. */
class TransactionalProducer {
  readonly #wire: Wire
  readonly #flow: Flow
  #producerId = -1n
  #epoch = -1
  readonly #sequences = PARTITIONS.map(() => 0)

  private constructor(wire: Wire, flow: Flow) {
    this.#wire = wire
    this.#flow = flow
  }

  static async open(port: number, flow: Flow): Promise<TransactionalProducer> {
    const producer = new TransactionalProducer(await Wire.open({ host: '127.0.0.1', port }), flow)
    await producer.#prepare()
    return producer
  }

  /** Median milliseconds of `count` transactions. */
  async latency(count: number): Promise<number> {
    const took: number[] = []
    for (let index = 0; index < count; index++) {
      const startMs = performance.now()
      await this.#transaction()
      took.push(performance.now() - startMs)
    }
    return median(took)
  }

  close(): void {
    this.#wire.close()
  }

  async #prepare(): Promise<void> {
    const topics = [
      {
        name: TOPIC,
        numPartitions: PARTITIONS.length,
        replicationFactor: 1,
        assignments: [],
        configs: [],
      },
    ]
    await this.#wire.call(CreateTopics, 5, { topics, timeoutMs: 10_000 })
    await again(async () => {
      const found = await this.#wire.call(FindCoordinator, 2, { key: ID, keyType: 1 })
      return found.errorCode
    })
    await again(async () => {
      const given = await this.#wire.call(InitProducerId, 4, {
        transactionalId: ID,
        transactionTimeoutMs: 60_000,
      })
      this.#producerId = given.producerId
      this.#epoch = given.producerEpoch
      return given.errorCode
    })
    await this.#transaction()
  }

  async #transaction(): Promise<void> {
    if (this.#flow === 'older') await this.#addPartitions()
    await this.#produce()
    await this.#end()
  }

  #addPartitions(): Promise<void> {
    return again(async () => {
      const added = await this.#wire.call(AddPartitionsToTxn, 3, {
        v3AndBelowTransactionalId: ID,
        v3AndBelowProducerId: this.#producerId,
        v3AndBelowProducerEpoch: this.#epoch,
        v3AndBelowTopics: [{ name: TOPIC, partitions: PARTITIONS }],
      })
      const results = added.resultsByTopicV3AndBelow[0]?.resultsByPartition ?? []
      return results.find((one) => one.partitionErrorCode !== NONE)?.partitionErrorCode ?? NONE
    })
  }

  async #produce(): Promise<void> {
    let missing = PARTITIONS
    await again(async () => {
      const answer = await this.#wire.call(Produce, this.#flow === 'newer' ? 12 : 11, {
        transactionalId: ID,
        acks: -1,
        timeoutMs: 30_000,
        topicData: [
          {
            name: TOPIC,
            partitionData: missing.map((index) => ({ index, records: this.#batch(index) })),
          },
        ],
      })
      const results = answer.responses[0]?.partitionResponses ?? []
      const failed = results.filter((one) => one.errorCode !== NONE)
      missing = failed.map((one) => one.index)
      return (
        failed.find((one) => !RETRIABLE.has(one.errorCode))?.errorCode ??
        failed[0]?.errorCode ??
        NONE
      )
    })
    for (const partition of PARTITIONS) this.#sequences[partition]! += 1
  }

  #batch(partition: number): Uint8Array {
    const value = Buffer.alloc(1_000, 'ottla ')
    return buildBatch({
      records: [{ timestamp: Date.now(), key: null, value }],
      producerId: Number(this.#producerId),
      producerEpoch: this.#epoch,
      baseSequence: this.#sequences[partition]!,
      transactional: true,
    })
  }

  async #end(): Promise<void> {
    const version = this.#flow === 'newer' ? 5 : 3
    await again(async () => {
      const ended = await this.#wire.call(EndTxn, version, {
        transactionalId: ID,
        producerId: this.#producerId,
        producerEpoch: this.#epoch,
        committed: true,
      })
      if (ended.errorCode === NONE && this.#flow === 'newer') {
        this.#producerId = ended.producerId
        this.#epoch = ended.producerEpoch
        this.#sequences.fill(0)
      }
      return ended.errorCode
    })
  }
}

/** Asks until the answer is not a retriable error. Clients pause longer than this between attempts. */
async function again(ask: () => Promise<number>): Promise<void> {
  for (;;) {
    const errorCode = await ask()
    if (errorCode === NONE) return
    if (!RETRIABLE.has(errorCode)) throw new Error(`error ${errorCode}`)
    await new Promise((done) => setTimeout(done, 1))
  }
}
