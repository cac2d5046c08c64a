// Logging in: each mechanism a client has with the right password, and what it says of a wrong one.

import { ClientError } from '../adapter.ts'
import type { Sasl } from '../protocol.ts'
import { record } from '../records.ts'
import type { Context, Scenario } from '../scenario.ts'

const MECHANISMS: readonly Sasl['mechanism'][] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']

/** Whatever a client calls it: that the password was not taken. */
const REFUSED = /authentication|SASL_AUTHENTICATION_FAILED|invalid (credentials|username)/i
/** Those that say so in their log alone, and go on trying until time is up, against Kafka as well. */
const GIVEN_UP =
  /timed out|deadline exceeded|transport failure|NoBrokersAvailable|Unable to bootstrap/i

/** Sends one record as somebody who has logged in. */
async function sends(
  context: Context,
  mechanism: Sasl['mechanism'],
  password: string,
): Promise<void> {
  const producer = await context.loggedIn(mechanism, password)
  await producer.send(context.login.topic, [record('key', mechanism, { partition: 0 })])
}

function says(message: string): boolean {
  return REFUSED.test(message) || GIVEN_UP.test(message)
}

export const LOGIN: readonly Scenario[] = MECHANISMS.map((mechanism) => ({
  name: `login/${mechanism.toLowerCase()}`,
  needs: [`sasl:${mechanism}`],
  fast: true,
  withinMs: 120_000,
  async run(context) {
    await sends(context, mechanism, context.login.password)
    try {
      await sends(context, mechanism, 'a wrong password')
    } catch (error) {
      if (error instanceof ClientError && says(error.message)) return
      throw error
    }
    throw new Error('a wrong password was taken')
  },
}))
