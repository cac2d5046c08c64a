// The application over real partition leaders, each on storage and a clock of its own, whose calls are cut off when a
// test says so: before the leader hears of them, or after it has done what was asked.

import { offset } from '../../src/core/ids.ts'
import { httpApp } from '../../src/http/app.ts'
import type { PartitionRpc } from '../../src/partition/contract.ts'
import { recordsOf } from '../../src/record/records.ts'
import { OPEN_ACCESS } from '../../src/security/access.ts'
import { ANONYMOUS, type Principal } from '../../src/security/principal.ts'
import { fakeContext, partial, timers } from '../broker/fakes.ts'
import { Bench, batchesOf, TARGET } from '../partition/harness.ts'
import { LOCAL, topicState } from './fakes.ts'

/** What becomes of one call to a leader; `evicted`: it is made anew before. */
export type Fate = 'answered' | 'unheard' | 'unanswered' | 'evicted'

/** What HTTP answered. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any JSON.
  readonly body: any
}

/** A record as it is stored. */
export interface Kept {
  readonly offset: number
  readonly timestamp: number
  readonly value: string
}

export const RECORDS = '/v1/topics/t/records'

/** A topic `t` of some partitions. */
export class KeyedBroker {
  readonly benches: readonly Bench[]
  /** Asked with each call that a leader gets. */
  fate: (method: 'append' | 'claim', partition: number) => Fate = () => 'answered'
  /** Appends and claims so far. */
  readonly calls: string[] = []
  partitions: number
  /** Who asks. */
  principal: Principal = ANONYMOUS
  readonly #app

  constructor(partitions: number, settings: Parameters<typeof topicState>[2] = {}) {
    this.partitions = partitions
    this.benches = Array.from({ length: 2 * partitions }, () => new Bench())
    const topic = () => ({ ...topicState('t', this.partitions, settings), configVersion: 1 })
    const context = () =>
      fakeContext({
        cluster: {
          lookup: async () => ({ clusterId: 'c', topics: [{ error: 0, topic: topic() }] }),
        },
        partition: (_, partition) => this.#rpc(partition),
        // Time as the leaders have it.
        context: {
          timers: { ...timers, now: () => this.benches[0]!.nowMs },
          access: { ...OPEN_ACCESS, principal: this.principal },
        },
      })
    this.#app = httpApp({ environment: LOCAL, context, random: () => 0 })
  }

  /** Lets time pass at all leaders, and for HTTP. */
  async pass(ms: number): Promise<void> {
    for (const bench of this.benches) await bench.pass(ms)
  }

  async post(
    body: BodyInit,
    key: string | null,
    headers: Record<string, string> = { 'content-type': 'application/json' },
    query = '',
  ): Promise<Answer> {
    const keyed: Record<string, string> = key === null ? {} : { 'idempotency-key': key }
    const init = { method: 'POST', body, headers: { host: 'localhost', ...headers, ...keyed } }
    const url = `http://localhost${RECORDS}${query}`
    const request = new Request(url, { ...init, duplex: 'half' } as RequestInit)
    const response = await this.#app.fetch(request)
    return { status: response.status, headers: response.headers, body: await response.json() }
  }

  /** All that a partition holds. */
  async kept(partition: number): Promise<Kept[]> {
    const bench = this.benches[partition]!
    const kept: Kept[] = []
    for (let next = 0; ; ) {
      const reply = await bench.read(next)
      for (const batch of batchesOf(reply)) {
        for (const record of recordsOf(batch)) {
          const value = Buffer.from(record.value ?? []).toString()
          kept.push({ offset: record.offset, timestamp: record.timestamp, value })
          next = record.offset + 1
        }
      }
      if (next >= reply.highWatermark) return kept
    }
  }

  async values(partition: number): Promise<string[]> {
    return (await this.kept(partition)).map(({ value }) => value)
  }

  /** How many records there are. */
  async count(): Promise<number> {
    const all = await Promise.all(this.benches.map((_, partition) => this.kept(partition)))
    return all.flat().length
  }

  #rpc(partition: number): Partial<PartitionRpc> {
    const bench = this.benches[partition]!
    const call = async <Reply>(method: 'append' | 'claim', act: () => Promise<Reply>) => {
      this.calls.push(method)
      const fate = this.fate(method, partition)
      if (fate === 'unheard') throw new Error('the call was not made')
      if (fate === 'evicted') bench.restart()
      const reply = await act()
      if (fate === 'unanswered') throw new Error('the answer was lost')
      return reply
    }
    return partial<PartitionRpc>(
      {
        append: (request) =>
          call('append', () => {
            const batch = structuredClone(request.batch)
            return bench.leader.append({ ...request, ...TARGET, batch })
          }),
        claim: (claim) => call('claim', () => bench.leader.claim({ ...claim, ...TARGET })),
        appendPart: async () => ({ kind: 'refused', error: 1, logStartOffset: offset(-1) }),
      },
      'partition',
    )
  }
}
