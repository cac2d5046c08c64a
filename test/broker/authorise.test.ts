// What holds of every API that is served and asks what a client may do: it waits for rules that are too old, goes by none
// that cannot be read, and changes nothing for who may not. What each answers is the matrix of clients/authorisation.

import { describe, expect, it } from 'vitest'
import { APIS } from '../../src/broker/apis.ts'
import type { BrokerContext, Handling } from '../../src/broker/context.ts'
import { decodeRequest, decodeRequestHeader, encodeRequest } from '../../src/protocol/codec.ts'
import type { Access } from '../../src/security/access.ts'
import { principalOf } from '../../src/security/principal.ts'
import type { Row } from '../clients/authorisation/case.ts'
import { ROWS } from '../clients/authorisation/rows.ts'
import { fakeContext, topicState } from './fakes.ts'

const SEEN = topicState('seen')

/** Calls that change nothing; others are not made for who is denied everything. */
const READS = new Set(['lookup', 'listGroups', 'listTransactions', 'clusterId'])

const ASKING = ROWS.filter(({ needs }) => needs.length > 0)

/** What there is to list is nothing here, so that nobody is asked about it. */
const LISTS = new Set(['ListTransactions'])

/** Denies everything and notes what it was asked before it was ready. */
class DenyingAccess implements Access {
  readonly principal = principalOf('somebody')
  readonly isOpen = false
  asked = 0
  askedEarly = 0
  #isReady = false
  readonly #reading: () => Promise<void>

  constructor(reading: () => Promise<void>) {
    this.#reading = reading
  }

  ready(): Promise<void> | undefined {
    if (this.#isReady) return undefined
    return this.#reading().then(() => {
      this.#isReady = true
    })
  }

  may(): boolean {
    this.asked += 1
    if (!this.#isReady) this.askedEarly += 1
    return false
  }

  mayOnAny(): boolean {
    return this.may()
  }
}

/** A context in which every call to an object is noted and finds nothing. */
function noting(access: Access) {
  const calls: string[] = []
  const noted = (what: string): Record<string, (...args: unknown[]) => Promise<unknown>> =>
    new Proxy(
      {},
      {
        get: (_, name) => async () => {
          calls.push(READS.has(String(name)) ? 'read' : `${what}.${String(name)}`)
          return String(name).startsWith('list') ? [] : { clusterId: 'c', topics: [], error: 0 }
        },
      },
    )
  const context: BrokerContext = fakeContext({ topics: [SEEN], context: { access } })
  const objects = {
    cluster: noted('cluster'),
    partition: () => noted('partition'),
    group: () => noted('group'),
    transaction: () => noted('transaction'),
    watch: () => noted('watch'),
    statistics: noted('statistics'),
  }
  return { calls, context: { ...context, objects: objects as never } }
}

async function run({ api, version, request }: Row, context: BrokerContext): Promise<unknown> {
  const header = { correlationId: 1, clientId: null }
  const asked = request({ topicId: () => SEEN.id })
  const frame = encodeRequest(api, version, header, asked as never)
  const { reader } = decodeRequestHeader(frame.subarray(4))
  const handle = APIS.get(api.key)?.handle
  if (handle === undefined) throw new Error(`${api.name} is not served`)
  const call = { version, clientId: null }
  const decoded = decodeRequest(api, version, reader)
  if (handle.kind === 'ordered') return handle.run(decoded, call, context)
  const handling: Handling<object> = handle.run(decoded, call, context)
  await handling.effect
  return handling.response
}

describe.each(ASKING)('$api.name', (row) => {
  it('asks rules that are new enough, and changes nothing for who may nothing', async () => {
    const access = new DenyingAccess(() => Promise.resolve())
    const { calls, context } = noting(access)
    await run(row, context)
    const expected = LISTS.has(row.api.name) ? 0 : 1
    expect(access.asked).toBeGreaterThanOrEqual(expected)
    expect(access.askedEarly).toBe(0)
    expect(calls.filter((call) => call !== 'read')).toEqual([])
  })

  it('decides nothing by rules that cannot be read', async () => {
    const access = new DenyingAccess(() => Promise.reject(new Error('no rules')))
    const { calls, context } = noting(access)
    const answer = await run(row, context).catch((error: Error) => error.message)
    if (answer !== 'no rules') expect(JSON.stringify(answer)).toMatch(/"errorCode":15/)
    expect(access.asked).toBe(0)
    expect(calls.filter((call) => call !== 'read')).toEqual([])
  })
})
