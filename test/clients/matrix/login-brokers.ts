// Brokers that ask who one is, with the one user of the scenarios of login/, who has SCRAM credentials of both kinds
// and tokens, and may do everything. Kafka asks on a listener of its own; of Ottla it is another broker.

import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AlterUserScramCredentials } from '../../../src/protocol/messages/alter-user-scram-credentials.ts'
import { type Address, startBroker } from '../broker.ts'
import { createTopic } from '../calls.ts'
import { freePorts, JVM, startKafka } from '../kafka.ts'
import { Wire } from '../wire.ts'
import type { LoginBroker } from './scenario.ts'
import { AUDIENCE, type Issuer, makeIssuer } from './tokens.ts'

export const LOGIN_USER = 'matrix'
const PASSWORD = 'the password of the matrix'
const TOPIC = 'login'
const SECRET = 'the-secret-of-the-matrix'
const ITERATIONS = 4_096

/** An Ottla of its own. */
export async function askingOttla(): Promise<{ login: LoginBroker; stop(): Promise<void> }> {
  const issuer = await makeIssuer(LOGIN_USER)
  const { http, kafka, stop } = await startBroker({
    args: [
      ...['--set', `super.users=User:${LOGIN_USER}`],
      ...['--set', `sasl.oauthbearer.expected.audience=${AUDIENCE}`],
    ],
    env: { OTTLA_SECRET: SECRET, OTTLA_OAUTH_KEYS: issuer.jwks },
  })
  return { login: await loginOf(http, SECRET, kafka, issuer), stop }
}

/** Makes the user and the topic of an Ottla that was told that the user may do everything. */
export async function loginOf(
  http: string,
  secret: string,
  address: Address,
  { tokens }: Issuer,
): Promise<LoginBroker> {
  const post = async (path: string, body: object) => {
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    const answer = await fetch(`${http}${path}`, init)
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`)
  }
  await post('/v1/users', { name: LOGIN_USER, password: PASSWORD })
  await post('/v1/topics', { name: TOPIC, partitions: 1 })
  return { address, user: LOGIN_USER, password: PASSWORD, tokens, topic: TOPIC }
}

/** Apache Kafka with both kinds of listeners. */
export async function askingKafka(
  settings: Readonly<Record<string, string>>,
): Promise<{ address: Address; login: LoginBroker; stop(): Promise<void> }> {
  const [port] = await freePorts()
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule'
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule'
  const bearer = 'org.apache.kafka.common.security.oauthbearer'
  const issuer = await makeIssuer(LOGIN_USER)
  const folder = mkdtempSync(join(tmpdir(), 'ottla-oracle-keys-'))
  const file = join(folder, 'keys.json')
  writeFileSync(file, issuer.jwks)
  const keys = pathToFileURL(file).href
  const jvm = [...JVM, `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${keys}`]
  const settled = ({ kafka: own, controller }: { kafka: number; controller: number }) => {
    const open = `PLAINTEXT://127.0.0.1:${own}`
    const asking = `SASL_PLAINTEXT://127.0.0.1:${port}`
    return {
      ...settings,
      listeners: `${open},${asking},CONTROLLER://127.0.0.1:${controller}`,
      'advertised.listeners': `${open},${asking}`,
      'listener.security.protocol.map':
        'PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': `User:ANONYMOUS;User:${LOGIN_USER}`,
      'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${plain} required user_${LOGIN_USER}="${PASSWORD}";`,
      'listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config': `${scram} required;`,
      'listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config': `${scram} required;`,
      'listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config': `${bearer}.OAuthBearerLoginModule required;`,
      'listener.name.sasl_plaintext.oauthbearer.sasl.server.callback.handler.class': `${bearer}.OAuthBearerValidatorCallbackHandler`,
      // Kafka 4.1.1's own choice is the check of a client, which looks at no signature.
      'sasl.oauthbearer.jwt.validator.class': `${bearer}.BrokerJwtValidator`,
      'sasl.oauthbearer.jwks.endpoint.url': keys,
      'sasl.oauthbearer.expected.audience': AUDIENCE,
    }
  }
  const { kafka, stop } = await startKafka(settled, { jvm, parent: tmpdir() })
  const wire = await Wire.open(kafka)
  await createTopic(wire, TOPIC, 1)
  // One at a time: a user may be in one request once.
  for (const [mechanism, bytes, hash] of [
    [1, 32, 'sha256'],
    [2, 64, 'sha512'],
  ] as const) {
    const salt = randomBytes(16)
    const saltedPassword = pbkdf2Sync(PASSWORD, salt, ITERATIONS, bytes, hash)
    const one = { name: LOGIN_USER, mechanism, iterations: ITERATIONS, salt, saltedPassword }
    const body = { deletions: [], upsertions: [one] }
    const { results } = await wire.call(AlterUserScramCredentials, 0, body)
    const failed = results.find(({ errorCode }) => errorCode !== 0)
    if (failed !== undefined) throw new Error(`${failed.user}: ${failed.errorMessage}`)
  }
  wire.close()
  const address = { host: '127.0.0.1', port }
  const { tokens } = issuer
  const login = { address, user: LOGIN_USER, password: PASSWORD, tokens, topic: TOPIC }
  const stopAndRemove = async () => {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return { address: kafka, login, stop: stopAndRemove }
}
