// Bytes between the Worker and an object of the same isolate: lent, taken once, given back; and carried
// as ever between isolates.

import { describe, expect, it } from 'vitest'
import { offset, type TopicId } from '../../src/core/ids.ts'
import { LENT_MAX_MS } from '../../src/core/limits.ts'
import type {
  AppendAnswer,
  AppendCall,
  AppendReply,
  ReadReply,
} from '../../src/partition/contract.ts'
import {
  isolateId,
  Loans,
  lentAppends,
  lentPieces,
  lentReplies,
} from '../../src/runtime/lending.ts'
import { objects } from '../../src/runtime/objects.ts'

const TOPIC = 'dGVzdC10b3BpYy1pZC0xMQ' as TopicId
const TARGET = { topicId: TOPIC, partition: 0 }

const bytes = (...values: number[]) => Uint8Array.from(values)

/** A partition behind the wrapper; what it is asked and answers passes by structured clone, as by RPC. */
function partition(methods: {
  readonly appendAll?: (call: AppendCall) => AppendAnswer
  readonly read?: (request: { readonly isolate?: string }) => ReadReply
}) {
  const stub = Object.fromEntries(
    Object.entries(methods).map(([name, method]) => [
      name,
      async (request: never) => structuredClone(method(structuredClone(request))),
    ]),
  )
  const none = { getByName: () => ({}) }
  const env = {
    PARTITION: { getByName: () => stub },
    CLUSTER: none,
    GROUP: none,
    TRANSACTION: none,
    WATCH: none,
    STATISTICS: none,
  }
  return objects(env).partition(TOPIC, 0)
}

describe('a loan', () => {
  it('is taken once', () => {
    const loans = new Loans<string>()
    const loan = loans.lend(['a'], 0)
    expect([loans.take(loan), loans.take(loan)]).toEqual([['a'], null])
  })

  it('that nobody takes is dropped in time', () => {
    const loans = new Loans<string>()
    const old = loans.lend(['a'], 0)
    const young = loans.lend(['b'], LENT_MAX_MS)
    loans.lend(['c'], LENT_MAX_MS + 1)
    expect([loans.take(old), loans.take(young)?.length]).toEqual([null, 1])
  })
})

const REPLY: ReadReply = {
  error: 0,
  highWatermark: offset(9),
  lastStableOffset: offset(9),
  logStartOffset: offset(0),
  pieces: [],
  abortedTransactions: [],
}
const READ = {
  ...TARGET,
  offset: offset(0),
  maxBytes: 1,
  atLeastOneBatch: true,
  readCommitted: false,
}

describe('a read', () => {
  it('of an object in this isolate gets the very pieces', async () => {
    const piece = bytes(1, 2, 3)
    const leader = partition({
      read: ({ isolate }) => {
        expect(isolate).toBe(isolateId())
        return { ...REPLY, loan: lentPieces.lend([piece], 0) }
      },
    })
    const reply = await leader.read(READ)
    expect(reply.pieces[0]).toBe(piece)
    expect(reply).not.toHaveProperty('loan')
  })

  it('of an object elsewhere gets what the call carries', async () => {
    const leader = partition({ read: () => ({ ...REPLY, pieces: [bytes(7)] }) })
    expect((await leader.read(READ)).pieces).toEqual([bytes(7)])
  })

  it('fails as a call does when what was lent is gone', async () => {
    const leader = partition({ read: () => ({ ...REPLY, loan: -1 }) })
    await expect(leader.read(READ)).rejects.toThrow('waited too long')
  })
})

describe('an append', () => {
  const appended = { kind: 'appended', baseOffset: offset(0), logStartOffset: offset(0) } as const
  const request = (batch: Uint8Array) => ({ ...TARGET, configVersion: 1, batch })
  const near = (...replies: AppendReply[]): AppendAnswer => ({ replies, near: true })
  const lent = (...replies: AppendReply[]): AppendAnswer => ({
    ...near(),
    loan: lentReplies.lend(replies, 0),
  })

  it('lends its batch once the object said that it lives here, and has it no more', async () => {
    const got: (number | undefined)[] = []
    const leader = partition({
      appendAll: ({ appends, loan }) => {
        if (loan === undefined) return near(appended)
        got.push(lentAppends.take(loan)?.[0]?.batch[0], appends.length)
        return lent(appended)
      },
    })
    const first = bytes(1)
    const second = bytes(2)
    expect(await leader.append(request(first))).toEqual(appended)
    await leader.append(request(second))
    expect([got, first.length, second.length]).toEqual([[2, 0], 1, 0])
  })

  it('gets a batch back that was not stored', async () => {
    const stale = { kind: 'refused', error: 3, logStartOffset: offset(-1) } as const
    const leader = partition({
      appendAll: ({ loan }) => {
        if (loan === undefined) return near(appended)
        const batch = lentAppends.take(loan)?.[1]?.batch
        return lent(appended, batch === undefined ? stale : { ...stale, batch })
      },
    })
    await leader.append(request(bytes(1)))
    const both = [leader.append(request(bytes(5))), leader.append(request(bytes(6)))]
    expect(await Promise.all(both)).toEqual([appended, { ...stale, batch: bytes(6) }])
  })

  it('takes back what an object that has moved could not take, and carries the next one', async () => {
    const loans: number[] = []
    const leader = partition({
      appendAll: ({ loan }) => {
        if (loan === undefined) return near(appended)
        loans.push(loan)
        return { replies: [] }
      },
    })
    await leader.append(request(bytes(1)))
    expect(await leader.append(request(bytes(5)))).toMatchObject({ error: 6, batch: bytes(5) })
    expect(await leader.append(request(bytes(6)))).toEqual(appended)
    expect(loans.map((loan) => lentAppends.take(loan))).toEqual([null])
  })

  it('fails as a call does when what was answered is gone', async () => {
    const leader = partition({
      appendAll: ({ loan }) => (loan === undefined ? near(appended) : { ...near(), loan: -1 }),
    })
    await leader.append(request(bytes(1)))
    await expect(leader.append(request(bytes(5)))).rejects.toThrow('waited too long')
  })

  it('does not keep what it lent for a call that failed', async () => {
    const loans: number[] = []
    const leader = partition({
      appendAll: ({ loan }) => {
        if (loan === undefined) return near(appended)
        loans.push(loan)
        throw new Error('broken')
      },
    })
    await leader.append(request(bytes(1)))
    await expect(leader.append(request(bytes(5)))).rejects.toThrow('broken')
    expect(loans.map((loan) => lentAppends.take(loan))).toEqual([null])
  })

  it('carries its batch to an object elsewhere, and after a failure', async () => {
    let fails = false
    const carried: number[] = []
    const leader = partition({
      appendAll: ({ appends }) => {
        for (const { batch } of appends) carried.push(batch.length)
        if (fails) throw new Error('moved')
        return near(appended)
      },
    })
    await leader.append(request(bytes(1)))
    fails = true
    await expect(leader.append(request(bytes(1)))).rejects.toThrow('moved')
    fails = false
    await leader.append(request(bytes(1)))
    expect(carried).toEqual([1, 1])
  })
})
