// A transactional producer of the older flow (AddPartitionsToTxn, AddOffsetsToTxn, EndTxn 4) or the newer
// (KIP-890: partitions and groups add themselves, EndTxn 5 raises the epoch), consuming an input whose
// position it commits with each transaction. It does what Kafka's client does after each error, and
// gives up where that gives up. Not who starts and kills it (scenarios).

import { KafkaError } from '../../../src/core/errors.ts'
import type { TopicId } from '../../../src/core/ids.ts'
import type { Participant, ProducerReply } from '../../../src/transaction/contract.ts'
import type { Context } from '../platform/scheduler.ts'
import type { World } from '../world.ts'
import { type Producer, type Shapes, tokens } from './batches.ts'
import { Connection } from './broker.ts'
import type { History, ProducerRecord, TransactionRecord, Write } from './history.ts'
import { type Outgoing, send } from './sender.ts'

export interface ProducerOptions {
  readonly world: World
  readonly history: History
  readonly transactionalId: string
  readonly flow: 'older' | 'newer'
  readonly topicId: TopicId
  readonly partitions: number
  readonly timeoutMs: number
  /** Where it keeps its position in its input; null: it has no input. */
  readonly input: {
    readonly groupId: string
    readonly topicId: TopicId
    readonly name: string
    readonly partition: number
  } | null
  readonly shapes?: Shapes
}

const RETRIABLE: ReadonlySet<number> = new Set([
  KafkaError.CONCURRENT_TRANSACTIONS,
  KafkaError.COORDINATOR_NOT_AVAILABLE,
  KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
  KafkaError.NOT_COORDINATOR,
  KafkaError.UNSTABLE_OFFSET_COMMIT,
])

const REQUEST_TIMEOUT_MS = 10_000
/** Longer than any message takes. */
const OUTCOME_MS = 600_000

/** Somebody else has its transactional id, or its time was up: this life is over. */
class GivenUp extends Error {
  override readonly name = 'GivenUp'
}

/** One life of a producer. */
export class TransactionalProducer {
  readonly #options: ProducerOptions
  readonly #connection: Connection
  readonly #record: ProducerRecord
  #producer: Producer = { producerId: -1, producerEpoch: -1 }
  readonly #sequences = new Map<number, number>()
  #position = 0

  constructor(options: ProducerOptions, context: Context) {
    this.#options = options
    this.#connection = new Connection(options.world, context)
    const { transactionalId, flow } = options
    this.#record = {
      name: context.name,
      transactionalId,
      flow,
      initialisedMs: Number.POSITIVE_INFINITY,
      producerId: -1,
      epoch: -1,
      transactions: [],
    }
    options.history.producers.push(this.#record)
  }

  /** From its first request to its end: the world heals, or it is fenced. */
  async live(): Promise<void> {
    const { world } = this.#options
    try {
      await this.#initialise()
      this.#record.initialisedMs = world.nowMs
      this.#record.producerId = this.#producer.producerId
      this.#record.epoch = this.#producer.producerEpoch
      await this.#findPosition()
      while (!world.isHealed) {
        await this.#transact()
        await world.sleep(world.random.between(0, 300))
      }
    } catch (error) {
      if (!(error instanceof GivenUp)) throw error
      world.trace.add(`${this.#record.name} gives up: ${error.message}`)
    }
  }

  async #initialise(): Promise<void> {
    const { transactionalId, timeoutMs } = this.#options
    const { reply } = await this.#insist<ProducerReply>((objects) =>
      objects.transaction(transactionalId).initProducerId({
        transactionalId,
        ...this.#producer,
        transactionTimeoutMs: timeoutMs,
      }),
    )
    if (reply.error !== KafkaError.NONE) throw new GivenUp(`init ${reply.error}`)
    this.#become(reply)
  }

  #become({ producerId, producerEpoch }: Producer): void {
    const before = this.#producer
    if (before.producerId !== producerId || before.producerEpoch !== producerEpoch) {
      this.#sequences.clear()
    }
    this.#producer = { producerId, producerEpoch }
  }

  /** Asks until there is an answer that is not "ask again". */
  async #insist<T extends { readonly error: number }>(
    call: Parameters<Connection['ask']>[0],
  ): Promise<{ readonly reply: T; readonly wasAmbiguous: boolean }> {
    const { world, flow } = this.#options
    // Nothing in the older flow tells a late request of one transaction from one of the next: Kafka's
    // client is as exposed. It is not what is looked for here, so such a client waits for an outcome.
    const timeoutMs = flow === 'older' ? OUTCOME_MS : REQUEST_TIMEOUT_MS
    let wasAmbiguous = false
    for (let attempt = 0; attempt < 100; attempt++) {
      const reply = (await this.#connection.ask(call, timeoutMs)) as T | null
      if (reply !== null && !RETRIABLE.has(reply.error)) return { reply, wasAmbiguous }
      if (reply === null) wasAmbiguous = true
      await world.sleep(world.random.between(10, 150))
    }
    throw new GivenUp('nobody answers')
  }

  async #findPosition(): Promise<void> {
    const { input } = this.#options
    if (input === null) return
    const { groupId, topicId, partition } = input
    const { reply } = await this.#insist<{ error: number; position: number }>(async (objects) => {
      const fetched = await objects.group(groupId).fetchOffsets(
        {
          groupId,
          memberId: null,
          memberEpoch: -1,
          requireStable: true,
          topics: [{ topicId, partitions: [partition] }],
        },
        { version: 9, clientId: this.#record.name, clientHost: '/127.0.0.1' },
      )
      const found = fetched.topics[0]?.partitions[0]
      const error = fetched.error === KafkaError.NONE ? (found?.error ?? 0) : fetched.error
      return { error, position: Math.max(0, found?.offset ?? 0) }
    })
    if (reply.error !== KafkaError.NONE) throw new GivenUp(`position ${reply.error}`)
    this.#position = reply.position
  }

  async #transact(): Promise<void> {
    const { world, input } = this.#options
    const { random } = world
    const transaction: TransactionRecord = {
      producer: this.#record,
      index: this.#record.transactions.length,
      ...{ producerId: this.#producer.producerId, epoch: this.#producer.producerEpoch },
      writes: [],
      input: null,
      end: 'none',
      acked: false,
      refused: false,
    }
    this.#record.transactions.push(transaction)
    const withInput = input !== null && random.chance(0.7)
    const outcome = await this.#fill(transaction, withInput)
    if (outcome === 'fenced') throw new GivenUp('fenced')
    if (random.chance(0.1)) await world.sleep(random.between(0, 2 * this.#options.timeoutMs))
    const committed = outcome === 'filled' && random.chance(0.75)
    await this.#end(transaction, committed)
    if (committed && withInput) this.#position += 1
    // An older producer does not know which of its batches arrived: it starts with a new epoch (KIP-360).
    const isUncertain = transaction.writes.some(({ offset }) => offset < 0)
    if (isUncertain && this.#options.flow === 'older') await this.#initialise()
  }

  async #fill(
    transaction: TransactionRecord,
    withInput: boolean,
  ): Promise<'filled' | 'failed' | 'fenced'> {
    const { world, partitions, flow, topicId } = this.#options
    const { random } = world
    const chosen = Array.from({ length: partitions }, (_, partition) => partition).filter(() =>
      random.chance(0.6),
    )
    if (chosen.length === 0) chosen.push(random.between(0, partitions - 1))
    for (let round = random.between(1, 2); round > 0; round--) {
      if (flow === 'older') {
        const participants = chosen.map(
          (partition): Participant => ({ kind: 'partition', topicId, topic: 'out', partition }),
        )
        const outcome = await this.#add(participants)
        if (outcome !== 'filled') return outcome
      }
      const outcomes = await Promise.all(
        chosen.map((partition) => this.#write(transaction, partition, round, withInput)),
      )
      for (const outcome of outcomes) if (outcome !== 'filled') return outcome
      if (random.chance(0.2)) await world.sleep(random.between(0, 3_000))
    }
    return withInput ? this.#commitInput(transaction) : 'filled'
  }

  async #add(participants: readonly Participant[]): Promise<'filled' | 'failed' | 'fenced'> {
    const { transactionalId } = this.#options
    const { reply } = await this.#insist((objects) =>
      objects.transaction(transactionalId).add({
        transactionalId,
        ...this.#producer,
        participants,
      }),
    )
    return this.#verdict(reply.error)
  }

  #verdict(error: number | null): 'filled' | 'failed' | 'fenced' {
    switch (error) {
      case KafkaError.NONE:
        return 'filled'
      case KafkaError.INVALID_PRODUCER_EPOCH:
      case KafkaError.PRODUCER_FENCED:
      case KafkaError.INVALID_PRODUCER_ID_MAPPING:
        return 'fenced'
      default:
        return 'failed'
    }
  }

  async #write(
    transaction: TransactionRecord,
    partition: number,
    round: number,
    withInput: boolean,
  ): Promise<'filled' | 'failed' | 'fenced'> {
    const { world, transactionalId, flow, topicId, shapes } = this.#options
    const { random } = world
    const outgoing: Outgoing[] = []
    for (let batch = random.between(1, 5); batch > 0; batch--) {
      const at = withInput ? `@${this.#position}` : ''
      const prefix = `${this.#record.name}/${transaction.index}${at}/${partition}.${round}.${batch}`
      const names = tokens(prefix, random, 2)
      const writes: Write[] = names.map((token) => ({
        token,
        partition,
        firstSentMs: world.nowMs,
        offset: -1,
      }))
      transaction.writes.push(...writes)
      const baseSequence = this.#sequences.get(partition) ?? 0
      this.#sequences.set(partition, baseSequence + names.length)
      const content = { tokens: names, ...(shapes === undefined ? {} : { shapes }) }
      const place = { partition, baseSequence, ...content, transactional: true }
      outgoing.push({ batch: { ...this.#producer, ...place }, writes })
    }
    const outcome = await send(outgoing, {
      world,
      connection: this.#connection,
      topicId,
      transaction: { transactionalId, topic: 'out', implicit: flow === 'newer' },
      attempts: random.between(2, 8),
    })
    return outcome === 'acked' ? 'filled' : this.#verdict(outcome.error)
  }

  async #commitInput(transaction: TransactionRecord): Promise<'filled' | 'failed' | 'fenced'> {
    const { transactionalId, flow, input } = this.#options
    if (input === null) return 'filled'
    const { groupId, topicId, name, partition } = input
    if (flow === 'older') {
      const added = await this.#add([{ kind: 'group', groupId }])
      if (added !== 'filled') return added
    }
    const offset = this.#position + 1
    const noted = { partition, offset, acked: false }
    transaction.input = noted
    const { reply } = await this.#insist<{ error: number }>(async (objects) => {
      const { topics } = await objects.group(groupId).commitInTransaction(
        {
          groupId,
          transactionalId,
          ...this.#producer,
          memberId: '',
          generationOrEpoch: -1,
          instanceId: null,
          implicit: flow === 'newer',
          topics: [
            { topicId, name, partitions: [{ partition, offset, leaderEpoch: -1, metadata: '' }] },
          ],
        },
        {
          version: flow === 'newer' ? 5 : 4,
          clientId: this.#record.name,
          clientHost: '/127.0.0.1',
        },
      )
      return { error: topics[0]?.errors[0] ?? -1 }
    })
    noted.acked = reply.error === KafkaError.NONE
    return this.#verdict(reply.error)
  }

  async #end(transaction: TransactionRecord, committed: boolean): Promise<void> {
    const { transactionalId, flow } = this.#options
    transaction.end = committed ? 'commit' : 'abort'
    const { reply, wasAmbiguous } = await this.#insist<ProducerReply>((objects) =>
      objects.transaction(transactionalId).endTransaction({
        transactionalId,
        ...this.#producer,
        committed,
        version: flow === 'newer' ? 5 : 4,
      }),
    )
    transaction.acked = reply.error === KafkaError.NONE
    transaction.refused = !transaction.acked && !wasAmbiguous
    if (reply.error === KafkaError.NONE) {
      if (flow === 'newer') this.#become(reply)
      return
    }
    // To abort what was never begun is an error of the older flow that its client does not make.
    const neverBegan = reply.error === KafkaError.INVALID_TXN_STATE && !committed
    if (!neverBegan) throw new GivenUp(`end ${reply.error}`)
    await this.#initialise()
  }
}
