// What a partition remembers of idempotent producers (KIP-98, KIP-360), told as stories that give the
// same answers whether the broker lives through them or is restarted, or killed, before every batch.
// The rules one by one, and InitProducerId, are in conformance/idempotence.test.ts.

import { describe, expect, test } from 'vitest'
import { DeleteRecords } from '../../src/protocol/messages/delete-records.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import { batch } from './batches.ts'
import { type Broker, startBroker } from './broker.ts'
import {
  createTopic,
  initProducerId,
  LATEST,
  listOffsets,
  produce,
  produceBody,
  storedRecords,
  until,
} from './calls.ts'
import { suite } from './target.ts'
import { Wire } from './wire.ts'

const { scenario, connect, topic } = suite('idempotent')

const LAST_SEQUENCE = 0x7fffffff
const OUT_OF_ORDER = 45
const FENCED = 47
/** A producer's state is stored whole after so many chunk rows; one batch at a time is one row each. */
const CHUNKS_OVER_A_SNAPSHOT = 1_100

interface Step {
  readonly sequence: number
  /** Records in the batch. */
  readonly count: number
  readonly epoch: number
  /** Which of the story's two producers sends it. */
  readonly producer: 0 | 1
  readonly error: number
  /** Base offset of the answer; -1 with an error. */
  readonly offset: number
}

type StepFields = Partial<Pick<Step, 'epoch' | 'producer'>>

function gets(sequence: number, count: number, offset: number, fields: StepFields = {}): Step {
  return { sequence, count, epoch: 0, producer: 0, ...fields, error: 0, offset }
}

function fails(error: number, sequence: number, count: number, fields: StepFields = {}): Step {
  return { sequence, count, epoch: 0, producer: 0, ...fields, error, offset: -1 }
}

const bumped = { epoch: 1 }
const other = { producer: 1 } as const

// biome-ignore format: a story reads best with a line for each of its turns
const STORIES: Readonly<Record<string, readonly Step[]>> = {
  'each of the last five batches sent again gets its own first offset': [
    gets(0, 2, 0), gets(2, 3, 2), gets(5, 1, 5), gets(6, 4, 6), gets(10, 1, 10), gets(11, 5, 11),
    gets(2, 3, 2), gets(11, 5, 11), gets(6, 4, 6), gets(5, 1, 5), gets(10, 1, 10),
    fails(OUT_OF_ORDER, 0, 2), gets(16, 1, 16), fails(OUT_OF_ORDER, 2, 3), gets(5, 1, 5), gets(17, 1, 17),
  ],
  'a gap, and part of a stored batch, are out of order and change nothing': [
    gets(0, 4, 0), fails(OUT_OF_ORDER, 5, 1), fails(OUT_OF_ORDER, 0, 2), fails(OUT_OF_ORDER, 2, 2), fails(OUT_OF_ORDER, 0, 5),
    gets(4, 1, 4), gets(0, 4, 0),
  ],
  'after 2147483647 comes 0, between batches and inside one': [
    gets(LAST_SEQUENCE - 6, 2, 0), gets(LAST_SEQUENCE - 4, 3, 2), gets(LAST_SEQUENCE - 1, 2, 5), fails(OUT_OF_ORDER, 1, 1),
    gets(0, 1, 7), gets(1, 1, 8), gets(LAST_SEQUENCE - 1, 2, 5), gets(LAST_SEQUENCE - 4, 3, 2), gets(2, 1, 9),
  ],
  'a batch that wraps is known again': [
    gets(LAST_SEQUENCE, 3, 0), gets(LAST_SEQUENCE, 3, 0), fails(OUT_OF_ORDER, LAST_SEQUENCE, 1), fails(OUT_OF_ORDER, 3, 1), gets(2, 2, 3),
    gets(LAST_SEQUENCE, 3, 0),
  ],
  'a newer epoch starts at 0 and forgets the older one': [
    gets(0, 2, 0), gets(2, 1, 2), fails(OUT_OF_ORDER, 3, 1, bumped), gets(3, 1, 3), gets(0, 2, 4, bumped),
    fails(FENCED, 4, 1), fails(FENCED, 3, 1), gets(0, 2, 4, bumped), gets(2, 1, 6, bumped),
    gets(0, 2, 7, { epoch: 7 }), fails(FENCED, 3, 1, bumped), gets(2, 1, 9, { epoch: 7 }),
  ],
  'an unknown producer may start anywhere, then goes on from there': [
    gets(41, 2, 0), fails(OUT_OF_ORDER, 0, 1), fails(OUT_OF_ORDER, 40, 1), gets(43, 1, 2), gets(41, 2, 0),
  ],
  'an unknown producer may come at any epoch': [
    gets(5, 1, 0, { epoch: 3 }), fails(FENCED, 6, 1, { epoch: 2 }), gets(6, 1, 1, { epoch: 3 }),
  ],
  'producers do not meddle with each other': [
    gets(0, 1, 0), gets(0, 1, 1, other), gets(1, 2, 2, other), gets(1, 1, 4), gets(0, 1, 1, other), gets(0, 1, 0),
    gets(0, 1, 5, { ...other, epoch: 1 }), gets(2, 1, 6), fails(FENCED, 3, 1, other),
  ],
}

function sequenced(producerId: bigint, step: Pick<Step, 'sequence' | 'count' | 'epoch'>): Buffer {
  const { sequence, count, epoch } = step
  const records = Array.from({ length: count }, (_, index) => ({
    value: `${epoch}:${sequence + index}`,
  }))
  return batch({ records, producerId, producerEpoch: epoch, baseSequence: sequence })
}

/** One story on its way through a topic of its own. */
interface Telling {
  readonly title: string
  readonly name: string
  readonly steps: readonly Step[]
  readonly producerIds: readonly [bigint, bigint]
}

async function begin(wire: Wire, title: string, name: string): Promise<Telling> {
  await createTopic(wire, name)
  const producerIds = [await initProducerId(wire), await initProducerId(wire)] as const
  return { title, name, steps: STORIES[title]!, producerIds }
}

async function tell(wire: Wire, telling: Telling, index: number): Promise<void> {
  const step = telling.steps[index]
  if (step === undefined) return
  const records = sequenced(telling.producerIds[step.producer], step)
  const got = await produce(wire, telling.name, 0, records)
  const told = { error: got.errorCode, offset: got.baseOffset }
  const expected = { error: step.error, offset: step.offset }
  expect(told, `${telling.title}: step ${index}`).toEqual(expected)
}

/** The log holds what the steps without an error stored, each once. */
async function expectStored(wire: Wire, { name, steps, title }: Telling): Promise<void> {
  const expected: string[] = []
  for (const { error, offset, count, epoch, sequence } of steps) {
    if (error !== 0) continue
    for (let index = 0; index < count; index += 1) {
      expected[offset + index] = `${epoch}:${sequence + index}`
    }
  }
  const values = (await storedRecords(wire, name, 0)).map(({ value }) => value)
  expect(values, title).toEqual(expected)
}

describe('An idempotent producer', () => {
  for (const title of Object.keys(STORIES)) {
    scenario(title, async () => {
      const wire = await connect()
      const telling = await begin(wire, title, topic())
      for (const index of telling.steps.keys()) await tell(wire, telling, index)
      await expectStored(wire, telling)
    })
  }

  scenario('that sends its window twice at once over two connections stores it once', async () => {
    const wires = [await connect(), await connect()]
    const name = topic()
    await createTopic(wires[0]!, name)
    const producerId = await initProducerId(wires[0]!)
    for (let window = 0; window < 20; window += 1) {
      const sequences = [0, 1, 2, 3, 4].map((index) => window * 5 + index)
      const sent = wires.map((wire) =>
        sequences.map((sequence) => {
          const records = sequenced(producerId, { sequence, count: 1, epoch: 0 })
          return wire.send(Produce, 9, produceBody(name, 0, records, sequence % 2 === 0 ? -1 : 1))
        }),
      )
      for (const [index, ids] of sent.entries()) {
        const answers: number[][] = []
        for (const id of ids) {
          const { responses } = await wires[index]!.answer(Produce, 9, id)
          const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
          answers.push([errorCode, baseOffset])
        }
        expect(answers).toEqual(sequences.map((sequence) => [0, sequence]))
      }
    }
    const values = (await storedRecords(wires[0]!, name, 0)).map(({ value }) => value)
    expect(values).toEqual(Array.from({ length: 100 }, (_, index) => `0:${index}`))
  })

  scenario('is remembered after its records were deleted', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const producerId = await initProducerId(wire)
    await expectAppends(wire, name, producerId, [0, 1, 2])
    await deleteRecords(wire, name, 3)
    await expectAppends(wire, name, producerId, [1, 2, 0, 3])
    expect((await storedRecords(wire, name, 0, 3)).map(({ value }) => value)).toEqual(['0:3'])
  })
})

/** One-record batches in this order; each gets its sequence as its offset. */
async function expectAppends(
  wire: Wire,
  name: string,
  producerId: bigint,
  sequences: readonly number[],
): Promise<void> {
  for (const sequence of sequences) {
    const got = await produce(
      wire,
      name,
      0,
      sequenced(producerId, { sequence, count: 1, epoch: 0 }),
    )
    const told = { error: got.errorCode, offset: got.baseOffset }
    expect(told, `${name}: sequence ${sequence}`).toEqual({ error: 0, offset: sequence })
  }
}

/** Removes all records below `offset`. */
async function deleteRecords(wire: Wire, name: string, offset: number): Promise<void> {
  const topics = [{ name, partitions: [{ partitionIndex: 0, offset }] }]
  const { topics: answers } = await wire.call(DeleteRecords, 2, { topics, timeoutMs: 15_000 })
  expect(answers[0]!.partitions[0]).toMatchObject({ errorCode: 0, lowWatermark: offset })
}

/** Runs a scenario that restarts its broker, and ends what it left running. */
async function withBroker(run: (restarts: Restarts) => Promise<void>): Promise<void> {
  const restarts = await Restarts.begin()
  try {
    await run(restarts)
  } finally {
    await restarts.end()
  }
}

/** A broker that comes back, and the connection to it. */
class Restarts {
  #broker: Broker
  wire: Wire

  private constructor(broker: Broker, wire: Wire) {
    this.#broker = broker
    this.wire = wire
  }

  static async begin(): Promise<Restarts> {
    const broker = await startBroker()
    return new Restarts(broker, await Wire.open(broker.kafka))
  }

  /** One more connection, for the scenario to close. */
  connect(): Promise<Wire> {
    return Wire.open(this.#broker.kafka)
  }

  /** Ends the broker by SIGTERM or SIGKILL and starts it on the same folder. */
  async again(how: 'stop' | 'kill'): Promise<void> {
    this.wire.close()
    if (how === 'kill') await this.#broker.kill()
    this.#broker = await this.#broker.restart()
    this.wire = await Wire.open(this.#broker.kafka)
  }

  async end(): Promise<void> {
    this.wire.close()
    await this.#broker.stop()
  }
}

describe('The state of idempotent producers', () => {
  test('is the same when the broker is restarted or killed before every batch', () =>
    withBroker(async (broker) => {
      const tellings: Telling[] = []
      for (const [index, title] of Object.keys(STORIES).entries()) {
        tellings.push(await begin(broker.wire, title, `story-${index}`))
      }
      const producerIds = new Set(tellings.flatMap((telling) => telling.producerIds))
      const turns = Math.max(...tellings.map(({ steps }) => steps.length))
      for (let turn = 0; turn < turns; turn += 1) {
        await broker.again(turn % 2 === 0 ? 'kill' : 'stop')
        for (const telling of tellings) await tell(broker.wire, telling, turn)
        producerIds.add(await initProducerId(broker.wire))
      }
      for (const telling of tellings) await expectStored(broker.wire, telling)
      expect(producerIds.size, 'no producer id is given twice').toBe(2 * tellings.length + turns)
    }))

  test('survives a restart when another producer has written a thousand chunks since', () =>
    withBroker(async (broker) => {
      const name = 'a-thousand-chunks'
      await createTopic(broker.wire, name)
      const early = await initProducerId(broker.wire)
      const busy = await initProducerId(broker.wire)
      await expectAppends(broker.wire, name, early, [0, 1, 2, 3, 4])
      for (let sequence = 0; sequence < CHUNKS_OVER_A_SNAPSHOT; sequence += 1) {
        const records = sequenced(busy, { sequence, count: 1, epoch: 0 })
        expect((await produce(broker.wire, name, 0, records)).errorCode).toBe(0)
      }
      await broker.again('kill')
      await expectAppends(broker.wire, name, early, [3, 0, 4, 1, 2])
      const last = CHUNKS_OVER_A_SNAPSHOT - 1
      for (const sequence of [last - 4, last, last - 2, last + 1]) {
        const records = sequenced(busy, { sequence, count: 1, epoch: 0 })
        const { errorCode, baseOffset } = await produce(broker.wire, name, 0, records)
        expect({ errorCode, baseOffset }).toEqual({ errorCode: 0, baseOffset: 5 + sequence })
      }
      const gap = sequenced(early, { sequence: 6, count: 1, epoch: 0 })
      expect((await produce(broker.wire, name, 0, gap)).errorCode).toBe(OUT_OF_ORDER)
    }))

  test('survives a restart after the records that made it were deleted', () =>
    withBroker(async (broker) => {
      const name = 'deleted-records'
      await createTopic(broker.wire, name)
      const producerId = await initProducerId(broker.wire)
      await expectAppends(broker.wire, name, producerId, [0, 1, 2])
      await deleteRecords(broker.wire, name, 3)
      await broker.again('kill')
      await expectAppends(broker.wire, name, producerId, [1, 2, 0, 3])
      await deleteRecords(broker.wire, name, 4)
      await broker.again('stop')
      await expectAppends(broker.wire, name, producerId, [3, 1, 4, 0])
    }))

  test('counts a batch whose answer was lost in a kill', () =>
    withBroker(async (broker) => {
      const name = 'lost-answers'
      await createTopic(broker.wire, name)
      const producerId = await initProducerId(broker.wire)
      await expectAppends(broker.wire, name, producerId, [0])
      for (const sequence of [1, 2, 3]) {
        const records = sequenced(producerId, { sequence, count: 1, epoch: 0 })
        broker.wire.send(Produce, 9, produceBody(name, 0, records))
      }
      const reader = await broker.connect()
      const ends = () => listOffsets(reader, name, [0], LATEST)
      await until(async () => (await ends()).topics[0]!.partitions[0]!.offset === 4)
      reader.close()
      await broker.again('kill')
      await expectAppends(broker.wire, name, producerId, [1, 2, 3, 4])
    }))
})
