// A broker that asks everybody who they are: Ottla with a secret, or (OTTLA_ORACLE=1) Apache Kafka with a SASL listener and
// its own authorizer. Users have one password each and log in by PLAIN. Not what they may do: rules are made by tests.

import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { AlterUserScramCredentials } from '../../src/protocol/messages/alter-user-scram-credentials.ts'
import { type Address, startBroker } from './broker.ts'
import type { BrokerKind } from './gaps.ts'
import { freePorts, startKafka } from './kafka.ts'
import { rawRequest, Wire } from './wire.ts'

/** The super user's name. */
export const ADMIN = 'admin'
export const PASSWORD = 'a-password-of-tests'

const SASL_HANDSHAKE = 17
const SASL_AUTHENTICATE = 36
const SCRAM_SHA_256 = 1
const ITERATIONS = 4_096

/** A running broker. */
export interface Secured {
  readonly kind: BrokerKind
  /** Where it asks for SASL. */
  readonly kafka: Address
  /** A connection of a user. */
  connect(user: string): Promise<Wire>
  stop(): Promise<void>
}

/** Starts it with these users and the super user. */
export async function startSecured(users: readonly string[]): Promise<Secured> {
  const { kind, kafka, stop } = await (process.env.OTTLA_ORACLE === '1' ? oracle(users) : ours())
  const connect = async (user: string) => {
    const wire = await Wire.open(kafka)
    const error = await authenticate(wire, user, PASSWORD)
    if (error !== 0) throw new Error(`${user} could not log in: ${error}`)
    return wire
  }
  if (kind === 'ottla') {
    const admin = await connect(ADMIN)
    await makeUsers(admin, users)
    admin.close()
  }
  return { kind, kafka, connect, stop }
}

/** Logs a connection in by PLAIN; gives the error code of the last answer. */
export async function authenticate(wire: Wire, user: string, password: string): Promise<number> {
  const mechanism = Buffer.from('PLAIN')
  wire.write(rawRequest(SASL_HANDSHAKE, 1, prefixed(2, mechanism)))
  const handshake = await wire.frame()
  const refused = handshake.readInt16BE(4)
  if (refused !== 0) return refused
  wire.write(rawRequest(SASL_AUTHENTICATE, 0, prefixed(4, Buffer.from(`\0${user}\0${password}`))))
  return (await wire.frame()).readInt16BE(4)
}

function prefixed(bytes: 2 | 4, content: Buffer): Buffer {
  const length = Buffer.alloc(bytes)
  length.writeUIntBE(content.length, 0, bytes)
  return Buffer.concat([length, content])
}

async function ours(): Promise<Omit<Secured, 'connect'>> {
  const { kafka, stop } = await startBroker({
    env: { OTTLA_SECRET: PASSWORD, OTTLA_USER: ADMIN },
    // Apache Kafka has no topic for it.
    args: ['--set', 'ottla.audit.enable=false'],
  })
  return { kind: 'ottla', kafka, stop }
}

/** Makes users with this file's password, who may log in by SCRAM-SHA-256 as well. */
export async function makeUsers(admin: Wire, users: readonly string[]): Promise<void> {
  const salt = randomBytes(16)
  const saltedPassword = pbkdf2Sync(PASSWORD, salt, ITERATIONS, 32, 'sha256')
  const credential = { mechanism: SCRAM_SHA_256, iterations: ITERATIONS, salt, saltedPassword }
  const upsertions = users.map((name) => ({ name, ...credential }))
  const { results } = await admin.call(AlterUserScramCredentials, 0, { deletions: [], upsertions })
  const failed = results.find(({ errorCode }) => errorCode !== 0)
  if (failed !== undefined) throw new Error(`${failed.user}: ${failed.errorMessage}`)
}

/** Its brokers and tests speak to each other on a listener of their own, on which everybody is a super user. */
async function oracle(users: readonly string[]): Promise<Omit<Secured, 'connect'>> {
  const [port] = await freePorts()
  const logins = [ADMIN, ...users].map((user) => `user_${user}="${PASSWORD}"`).join(' ')
  const module = 'org.apache.kafka.common.security.plain.PlainLoginModule'
  const { stop } = await startKafka(({ kafka, controller }) => {
    const plain = `PLAINTEXT://127.0.0.1:${kafka}`
    const sasl = `SASL_PLAINTEXT://127.0.0.1:${port}`
    return {
      listeners: `${plain},${sasl},CONTROLLER://127.0.0.1:${controller}`,
      'advertised.listeners': `${plain},${sasl}`,
      'listener.security.protocol.map':
        'PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${module} required ${logins};`,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': `User:${ADMIN};User:ANONYMOUS`,
    }
  })
  return { kind: 'kafka', kafka: { host: '127.0.0.1', port }, stop }
}
