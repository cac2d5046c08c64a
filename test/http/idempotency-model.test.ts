// Requests with keys under faults: calls that are cut off before or after they took effect, leaders that are made anew,
// streams whose client goes away at any byte, other producers in between. Whoever sends a request until it is answered
// has each of its records in the log once, in order, where the answer says.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { REQUEST_CLAIM_MS } from '../../src/core/limits/requests.ts'
import { partitionForKey } from '../../src/core/murmur2.ts'
import { type Answer, type Fate, type Kept, KeyedBroker } from './keyed-broker.ts'

const NDJSON = { 'content-type': 'application/x-ndjson' }
const utf8 = new TextEncoder()

interface Sent {
  readonly value: string
  readonly key?: string
  readonly partition?: number
}

interface Request {
  readonly isStream: boolean
  readonly records: readonly Omit<Sent, 'value'>[]
  /** Of each try what becomes of its calls, one after the other; those after them are answered. */
  readonly fates: readonly (readonly Fate[])[]
  /** Of each try of a stream where it is cut, as a part of its bytes; 1 is not at all. */
  readonly cuts: readonly number[]
}

const where = fc.oneof(
  fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f') }),
  fc.record({ partition: fc.nat({ max: 2 }) }),
  fc.constant({}),
)
const fate = fc.constantFrom<Fate>('answered', 'answered', 'unheard', 'unanswered', 'evicted')
const request: fc.Arbitrary<Request> = fc.record({
  isStream: fc.boolean(),
  records: fc.array(where, { minLength: 1, maxLength: 12 }),
  fates: fc.array(fc.array(fate, { maxLength: 12 }), { maxLength: 4 }),
  cuts: fc.array(fc.double({ min: 0, max: 1.2, noNaN: true }), { maxLength: 4 }),
})

/** More tries than any request here needs. */
const TRIES = 12

describe('a request with a key that is sent until it is answered', () => {
  it('has each record stored once, in order, and its answers say where', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(request, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(200, 2_000, 1_000_000),
        async (requests, maxMessageBytes) => {
          // Small batches: requests have several in a partition.
          const broker = new KeyedBroker(3, { maxMessageBytes: 1_085 + 61 + maxMessageBytes })
          const done: {
            readonly sent: Sent[]
            readonly answer: Answer
            readonly isStream: boolean
          }[] = []
          for (const [number, { isStream, records, fates, cuts }] of requests.entries()) {
            const sent = records.map((record, at) => ({ ...record, value: `${number}-${at}` }))
            const body = isStream
              ? sent.map((record) => `${JSON.stringify(record)}\n`).join('')
              : JSON.stringify({ records: sent })
            const answer = await untilAnswered(broker, body, `key-${number}`, {
              isStream,
              fates,
              cuts,
            })
            expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 })
            done.push({ sent, answer, isStream })
            // Somebody sends it once more, after others have written; that it has ended may not have been heard.
            await broker.post('{"value":"other"}', null)
            await broker.pass(REQUEST_CLAIM_MS)
            const again = await broker.post(body, `key-${number}`, isStream ? NDJSON : undefined)
            expect(again.body).toEqual(answer.body)
            expect(again.headers.get('idempotent-replayed')).toBe('true')
          }
          const kept = await Promise.all([0, 1, 2].map((partition) => broker.kept(partition)))
          for (const one of done) verify(one.sent, one.answer, one.isStream, kept)
          const own = kept.flat().filter(({ value }) => value !== 'other')
          expect(own.length).toBe(done.flatMap(({ sent }) => sent).length)
          for (const bench of broker.benches) expect(bench.reported).toEqual([])
        },
      ),
      { numRuns: 150 },
    )
  }, 120_000)
})

/** The records of a request lie in each partition in their order, where its answer says. */
function verify(
  sent: readonly Sent[],
  { body }: Answer,
  isStream: boolean,
  kept: readonly Kept[][],
) {
  const home = kept.findIndex((records) =>
    records.some(({ value }) => sent.some((one) => one.value === value && isKeyless(one))),
  )
  const lanes = [0, 1, 2].map((partition) =>
    sent.filter((one) => partitionOf(one, home) === partition).map(({ value }) => value),
  )
  for (const [partition, values] of lanes.entries()) {
    const found = kept[partition]!.filter(({ value }) => values.includes(value))
    expect(found.map(({ value }) => value)).toEqual(values)
    if (isStream && found.length > 0) {
      expect(body.partitions[partition]).toEqual({
        first: found[0]!.offset,
        last: found.at(-1)!.offset,
      })
    }
  }
  if (isStream) {
    expect(body.count).toBe(sent.length)
    return
  }
  for (const [at, { partition, offset, timestamp }] of body.offsets.entries()) {
    expect(kept[partition]!.find((one) => one.offset === offset)).toEqual({
      offset,
      timestamp,
      value: sent[at]!.value,
    })
  }
}

const isKeyless = ({ key, partition }: Sent) => key === undefined && partition === undefined

function partitionOf({ key, partition }: Sent, home: number): number {
  if (partition !== undefined) return partition
  return key === undefined ? home : partitionForKey(utf8.encode(key), 3)
}

async function untilAnswered(
  broker: KeyedBroker,
  body: string,
  key: string,
  { isStream, fates, cuts }: Omit<Request, 'records'>,
): Promise<Answer> {
  for (let tries = 0; ; tries++) {
    const plan = [...(fates[tries] ?? [])]
    broker.fate = () => plan.shift() ?? 'answered'
    const whole = utf8.encode(body)
    const end = Math.floor(whole.length * Math.min(1, cuts[tries] ?? 1))
    const isCut = isStream && end < whole.length
    const answer = await broker
      .post(isCut ? cutOff(whole.subarray(0, end)) : whole, key, isStream ? NDJSON : undefined)
      .catch(() => null)
    broker.fate = () => 'answered'
    // A stream that was cut off is answered by nobody, or by a bug's 500: the client is gone.
    if (answer !== null && !isCut && answer.status !== 503 && answer.status !== 409) return answer
    if (tries === TRIES) throw new Error(`never answered: ${JSON.stringify(answer?.body)}`)
    await broker.pass(answer?.status === 409 ? REQUEST_CLAIM_MS : 1_000)
  }
}

/** A body that is sent in pieces of a few bytes, and then the client is gone. */
function cutOff(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.error(new Error('gone'))
      controller.enqueue(bytes.slice(at, at + 40))
      at += 40
    },
  })
}
