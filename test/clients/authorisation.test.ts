// The authorisation matrix: every API that the broker serves, asked by nobody, with a wrong password, by users with rules
// of their own. What users are answered was recorded from Apache Kafka 4.1.1 (vectors/authorisation.json; with
// OTTLA_ORACLE=1 it is asked again, and OTTLA_RECORD=1 writes the file), and both must say the same.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { APIS } from '../../src/broker/apis.ts'
import type { AnyApi } from '../../src/protocol/schema.ts'
import { comparable, errorCodes } from './authorisation/answer.ts'
import type { Case, World } from './authorisation/case.ts'
import { CASES } from './authorisation/cases.ts'
import { ROWS } from './authorisation/rows.ts'
import { LAST_USER, makeWorld, userOf } from './authorisation/world.ts'
import { authenticate, type Secured, startSecured } from './secured.ts'
import { Ended, Wire } from './wire.ts'

const FILE = join(import.meta.dirname, '../vectors/authorisation.json')
const RECORDS = process.env.OTTLA_RECORD === '1'

/** TOPIC, GROUP, CLUSTER, TRANSACTIONAL_ID_AUTHORIZATION_FAILED */
const DENIALS = new Set([29, 30, 31, 53])
const SASL_AUTHENTICATION_FAILED = 58

/** What a client may ask before anybody knows who it is. */
const UNAUTHENTICATED = new Set(['ApiVersions', 'SaslHandshake', 'SaslAuthenticate'])

let broker: Secured
let world: World
const recorded: Record<string, unknown> = RECORDS ? {} : JSON.parse(readFileSync(FILE, 'utf8'))

beforeAll(async () => {
  broker = await startSecured([...CASES.map((_, index) => userOf(index)), LAST_USER])
  world = await makeWorld(broker, CASES)
}, 120_000)

afterAll(async () => {
  await broker?.stop()
  if (RECORDS) writeFileSync(FILE, `${JSON.stringify(recorded, null, 1)}\n`)
}, 30_000)

describe('the matrix', () => {
  it('has a row for every API that is served, and a case has a title of its own', () => {
    const rows = new Set(ROWS.map(({ api }) => api.name))
    const served = [...APIS.values()].map(({ api }) => api.name)
    expect(served.filter((name) => !rows.has(name) && !UNAUTHENTICATED.has(name))).toEqual([])
    expect(new Set(CASES.map(({ title }) => title)).size).toBe(CASES.length)
  })
})

describe('without credentials', () => {
  it.each(ROWS)('$api.name is not answered', async ({ api, version, request }) => {
    const wire = await Wire.open(broker.kafka)
    const answered = await isAnswered(wire, api, version, request(world))
    wire.close()
    expect(answered).toBe(UNAUTHENTICATED.has(api.name))
  })
})

describe('with a wrong password', () => {
  it('no API is answered', async () => {
    const answers = ROWS.map(async ({ api, version, request }) => {
      const wire = await Wire.open(broker.kafka)
      const refused = await authenticate(wire, userOf(0), 'a wrong password')
      expect(refused).toBe(SASL_AUTHENTICATION_FAILED)
      const answered = await isAnswered(wire, api, version, request(world))
      wire.close()
      return [api.name, answered]
    })
    expect(await Promise.all(answers)).toEqual(ROWS.map(({ api }) => [api.name, false]))
  })
})

describe('a user', () => {
  it.each(CASES.map((one, index) => ({ ...one, index })))('$title', async (one) => {
    const wire = await broker.connect(userOf(one.index))
    const answer = await wire.call(one.api as never, one.version, one.request(world) as never)
    wire.close()
    const compared = shown(one, answer)
    if (RECORDS) recorded[one.title] = compared
    expect(compared).toEqual(recorded[one.title])
  })
})

function shown({ errorsOnly, title }: Case, answer: unknown): unknown {
  const codes = errorCodes(answer)
  if (errorsOnly === true) {
    expect(
      codes.filter((code) => DENIALS.has(code)),
      title,
    ).toEqual([])
    return codes
  }
  return comparable(answer)
}

async function isAnswered(wire: Wire, api: AnyApi, version: number, request: object) {
  try {
    await wire.call(api as never, version, request as never)
    return true
  } catch (error) {
    if (error instanceof Ended) return false
    throw error
  }
}
