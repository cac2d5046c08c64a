// An idempotent producer without transactions: batches to one partition, in order, each sent until it is
// acknowledged. With `repeats` it now and then sends one again that was: it is told where that is.

import type { TopicId } from '../../../src/core/ids.ts'
import type { Context } from '../platform/scheduler.ts'
import type { World } from '../world.ts'
import { type Shapes, tokens } from './batches.ts'
import { Connection } from './broker.ts'
import type { IdempotentRecord, Write } from './history.ts'
import { type Outgoing, type SendOptions, send } from './sender.ts'

export interface IdempotentOptions {
  readonly world: World
  readonly record: IdempotentRecord
  readonly topicId: TopicId
  /** Given to this life and no other. */
  readonly producerId: number
  readonly shapes?: Shapes
  readonly repeats?: boolean
}

/** So many batches of a producer are known to its partition. */
const REMEMBERED_BATCHES = 5

/** Produces until the world heals. */
export async function produce(
  { world, record, topicId, producerId, shapes, repeats = false }: IdempotentOptions,
  context: Context,
): Promise<void> {
  const connection = new Connection(world, context)
  const { random } = world
  let sequence = 0
  let sent: Outgoing[] = []
  for (let round = 0; !world.isHealed; round++) {
    const outgoing: Outgoing[] = []
    for (let batch = random.between(1, 5); batch > 0; batch--) {
      const names = tokens(`${record.name}/${round}.${batch}`, random, 3)
      const { partition } = record
      const writes: Write[] = names.map((token) => ({
        token,
        partition,
        firstSentMs: world.nowMs,
        offset: -1,
      }))
      record.writes.push(...writes)
      const producer = { producerId, producerEpoch: 0, transactional: false }
      const batchOf = { ...producer, partition, baseSequence: sequence, tokens: names }
      const batchWithShapes = shapes === undefined ? batchOf : { ...batchOf, shapes }
      outgoing.push({ batch: batchWithShapes, writes })
      sequence += names.length
    }
    const outcome = await send(outgoing, { world, connection, topicId, attempts: 1_000 })
    if (outcome !== 'acked') return
    sent = [...sent, ...outgoing].slice(-REMEMBERED_BATCHES)
    if (repeats && random.chance(0.3)) {
      if (random.chance(0.5)) await world.sleep(random.between(0, 10_000))
      await repeat(random.pick(sent), { world, connection, topicId })
    }
    await world.sleep(random.between(0, 1_000))
  }
}

/** Sends a batch once more that was acknowledged. */
async function repeat(
  { batch, writes }: Outgoing,
  options: Pick<SendOptions, 'world' | 'connection' | 'topicId'>,
): Promise<void> {
  const again = writes.map((write) => ({ ...write }))
  const outcome = await send([{ batch, writes: again }], { ...options, attempts: 1_000 })
  const places = again.map(({ offset }) => offset).join()
  const known = writes.map(({ offset }) => offset).join()
  if (outcome === 'acked' && places === known) return
  const what = outcome === 'acked' ? places : `error ${outcome.error}`
  options.world.violated(
    'a-batch-sent-again-is-told-its-place',
    `${batch.tokens[0]} is at ${known}, and when it was sent again: ${what}`,
  )
}
