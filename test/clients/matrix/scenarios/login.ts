// Logging in: each mechanism a client has with the right password or token, and what it says of a wrong one.

import { ClientError } from '../adapter.ts'
import { pollUntil } from '../handles.ts'
import type { Sasl, SaslPassword } from '../protocol.ts'
import { record, text } from '../records.ts'
import type { Context, Scenario } from '../scenario.ts'

const MECHANISMS: readonly SaslPassword['mechanism'][] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']

/** Whatever a client calls it: that the password was not taken. */
const REFUSED = /authentication|SASL_AUTHENTICATION_FAILED|invalid (credentials|username)/i
/** Those that say so in their log alone, and go on trying until time is up, against Kafka as well. */
const GIVEN_UP =
  /timed out|deadline exceeded|transport failure|NoBrokersAvailable|Unable to bootstrap/i

/** Sends one record as somebody who has logged in. */
async function sends(context: Context, sasl: Sasl, key = 'key'): Promise<void> {
  const producer = await context.loggedIn(sasl)
  await producer.send(context.login.topic, [record(key, sasl.mechanism, { partition: 0 })])
}

/** Waits until somebody who has logged in has read the record of this key. */
async function reads(context: Context, sasl: Sasl, key: string): Promise<void> {
  const consumer = await context.readerLoggedIn(sasl)
  const wait = { what: `the record ${key}`, withinMs: 30_000 }
  await pollUntil([consumer], wait, () => consumer.records.some((one) => text(one.key) === key))
}

/** What each says of a token that was not taken, of Kafka's as of Ottla's. */
const OF_A_TOKEN: Readonly<Record<string, RegExp>> = {
  // These two do not look at the error that they are told, and it is their next request that fails: kafkajs asks for
  // Metadata, which Kafka answers with that error while Ottla only closes the connection.
  kafkajs: /Closed connection|current SASL state/,
  platformatic: /current SASL state/,
  'kafka-clients': /"status":"invalid_token"/,
  // 2.0.2 and 3.
  'kafka-python': /Unrecognized response during authentication|Unable to bootstrap/,
  // These go on trying.
  'confluent-kafka': /Message timed out/,
  'kafka-javascript': /broker transport failure/,
  'franz-go': /context deadline exceeded/,
}

/** Sends as somebody who must not be let in. */
async function isRefused(context: Context, sasl: Sasl, what: string): Promise<void> {
  try {
    await sends(context, sasl)
  } catch (error) {
    if (error instanceof ClientError && says(context, sasl, error.message)) return
    throw error
  }
  throw new Error(`${what} was taken`)
}

function says({ client }: Context, { mechanism }: Sasl, message: string): boolean {
  if (mechanism === 'OAUTHBEARER') return OF_A_TOKEN[client.client]?.test(message) ?? false
  return REFUSED.test(message) || GIVEN_UP.test(message)
}

const PASSWORDS: readonly Scenario[] = MECHANISMS.map((mechanism) => ({
  name: `login/${mechanism.toLowerCase()}`,
  needs: [`sasl:${mechanism}`],
  fast: true,
  withinMs: 120_000,
  async run(context) {
    const { user: username, password } = context.login
    await sends(context, { mechanism, username, password })
    const wrong = { mechanism, username, password: 'a wrong password' }
    await isRefused(context, wrong, wrong.password)
  },
}))

const TOKENS: Scenario = {
  name: 'login/oauthbearer',
  needs: ['sasl:OAUTHBEARER'],
  withinMs: 120_000,
  async run(context) {
    const { user: username, tokens } = context.login
    const bearer = (token: string) => ({ mechanism: 'OAUTHBEARER', username, token }) as const
    const key = context.name('key')
    await sends(context, bearer(tokens.right), key)
    await reads(context, bearer(tokens.right), key)
    // Both at once, as some clients go on trying for half a minute.
    await Promise.all([
      isRefused(context, bearer(tokens.expired), 'an expired token'),
      isRefused(context, bearer(tokens.forged), 'a token of another key'),
    ])
  },
}

export const LOGIN: readonly Scenario[] = [...PASSWORDS, TOKENS]
