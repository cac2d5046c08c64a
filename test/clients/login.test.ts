// Clients that say who they are, to a broker that asks: each mechanism as kafkajs and @platformatic/kafka have it, what
// they say of wrong passwords and tokens, users who change while clients run, TLS. Every other client, beside Apache
// Kafka: the matrix (login/). The exchange itself: test/broker/login.test.ts.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Producer, stringSerializers } from '@platformatic/kafka'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { Kafka, logLevel, type SASLOptions } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Broker, bootstrap, startBroker } from './broker.ts'
import { ottla } from './ottla.ts'
import { needs } from './tools.ts'

const SECRET = 'the-secret-of-this-test'
const PASSWORD = 'the password of alice'
const TOPIC = 'orders'
const REAUTH_MS = 1_500

const issuer = await generateKeyPair('RS256', { extractable: true })
const own = { ...(await exportJWK(issuer.publicKey)), kid: 'k', alg: 'RS256' }
let broker: Broker

beforeAll(async () => {
  broker = await startBroker({
    args: [
      ...['--set', 'super.users=User:alice', '--set', `connections.max.reauth.ms=${REAUTH_MS}`],
      ...['--set', 'sasl.oauthbearer.expected.audience=ottla', '--user', 'root'],
    ],
    env: { OTTLA_SECRET: SECRET, OTTLA_OAUTH_KEYS: JSON.stringify({ keys: [own] }) },
  })
  await run(['topics', 'create', TOPIC])
  await run(['users', 'create', 'alice', '--password-file', '-'], PASSWORD)
})
afterAll(async () => {
  await broker?.stop()
})

/** A command of the first user. */
async function run(args: readonly string[], input = ''): Promise<string> {
  const env = { OTTLA_URL: broker.http, OTTLA_SECRET: SECRET, OTTLA_USER: 'root' }
  const ran = await ottla(args, { env, input })
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  return ran.stdout.trim()
}

function token(claims: object = {}): Promise<string> {
  const all = { sub: 'alice', aud: 'ottla', ...claims }
  const made = new SignJWT(all).setProtectedHeader({ alg: 'RS256', kid: 'k' }).setIssuedAt()
  return made.setExpirationTime('1h').sign(issuer.privateKey)
}

function kafkajs(sasl: SASLOptions | undefined, more: object = {}) {
  const kafka = new Kafka({
    brokers: [bootstrap(broker.kafka)],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    // A login lasts so short here that the default would be at every request, and it may be once a second.
    reauthenticationThreshold: 500,
    ...(sasl === undefined ? {} : { sasl }),
    ...more,
  })
  const producer = kafka.producer()
  onTestFinished(() => producer.disconnect())
  return producer
}

const send = (producer: ReturnType<typeof kafkajs>) =>
  producer.send({ topic: TOPIC, messages: [{ value: 'x' }] })

type Mechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512'
const user = (mechanism: Mechanism, username: string, password: string) =>
  ({ mechanism, username, password }) as SASLOptions

describe('kafkajs', () => {
  it.each([
    ['plain', 'Authentication failed: Invalid username or password'],
    ['scram-sha-256', 'invalid credentials with SASL mechanism SCRAM-SHA-256'],
    ['scram-sha-512', 'invalid credentials with SASL mechanism SCRAM-SHA-512'],
  ] as const)('logs in by %s, and is told that a password is wrong', async (mechanism, refusal) => {
    const producer = kafkajs(user(mechanism, 'alice', PASSWORD))
    await producer.connect()
    expect((await send(producer))[0]).toMatchObject({ errorCode: 0 })
    for (const name of ['alice', 'nobody']) {
      await expect(kafkajs(user(mechanism, name, 'wrong')).connect()).rejects.toThrow(refusal)
    }
  })

  it('logs in with a token, and not with one that is not taken', async () => {
    const bearer = (value: Promise<string>): SASLOptions => ({
      mechanism: 'oauthbearer',
      oauthBearerProvider: async () => ({ value: await value }),
    })
    const producer = kafkajs(bearer(token()))
    await producer.connect()
    expect((await send(producer))[0]).toMatchObject({ errorCode: 0 })
    for (const claims of [{ aud: 'others' }, { sub: 'root' }]) {
      // It does not look at the error it is told, so it is the next request that fails.
      const refused = kafkajs(bearer(token(claims)))
      await expect(refused.connect().then(() => send(refused))).rejects.toThrow()
    }
  })

  it('goes on when its login has ended: it logs in again', async () => {
    const producer = kafkajs(user('scram-sha-256', 'alice', PASSWORD))
    await producer.connect()
    const untilMs = Date.now() + 2 * REAUTH_MS
    while (Date.now() < untilMs) {
      expect((await send(producer))[0]).toMatchObject({ errorCode: 0 })
      await new Promise((done) => setTimeout(done, 250))
    }
    expect(broker.log.join('\n')).not.toContain('the login has ended')
  })

  it('is closed without a login, and the log says by what to log in', async () => {
    const producer = kafkajs(undefined)
    await producer.connect()
    await expect(send(producer)).rejects.toThrow()
    const served = 'PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER'
    await expect.poll(() => broker.log.join('\n')).toContain(served)
  })
})

describe('@platformatic/kafka', () => {
  const produce = async (sasl: ConstructorParameters<typeof Producer>[0]['sasl']) => {
    const producer = new Producer({
      clientId: 'login',
      bootstrapBrokers: [bootstrap(broker.kafka)],
      serializers: stringSerializers,
      retries: 0,
      ...(sasl === undefined ? {} : { sasl }),
    })
    onTestFinished(() => producer.close())
    return producer.send({ messages: [{ topic: TOPIC, value: 'x' }] })
  }

  it.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('logs in by %s', async (name) => {
    const login = { mechanism: name, username: 'alice', password: PASSWORD }
    expect((await produce(login)).offsets).toHaveLength(1)
    await expect(produce({ ...login, password: 'wrong' })).rejects.toThrow()
  })

  it('logs in with a token', async () => {
    const made = await produce({ mechanism: 'OAUTHBEARER', token: await token() })
    expect(made.offsets).toHaveLength(1)
    await expect(produce({ mechanism: 'OAUTHBEARER', token: 'a.b.c' })).rejects.toThrow()
  })
})

describe('a user who changes while clients run', () => {
  it('logs in with the new password, with the old one no more, and not at all when deleted', async () => {
    await run(['users', 'create', 'bob', '--password-file', '-'], 'first')
    await run(['acls', 'allow', 'bob', 'WRITE', '--topic', TOPIC])
    const bob = (password: string) => kafkajs(user('plain', 'bob', password))
    const isIn = (password: string) =>
      bob(password)
        .connect()
        .then(
          () => true,
          () => false,
        )
    const running = bob('first')
    await running.connect()
    await expect.poll(() => send(running).catch(() => null), { timeout: 8_000 }).not.toBeNull()
    const second = await run(['users', 'password', 'bob'])
    expect(await isIn(second)).toBe(true)
    await expect.poll(() => isIn('first'), { timeout: 8_000 }).toBe(false)
    await run(['users', 'delete', 'bob', '--yes'])
    await expect.poll(() => isIn(second), { timeout: 8_000 }).toBe(false)
  })
})

describe('TLS', () => {
  it('is what both listeners speak when there is a certificate', async (context) => {
    needs(context, 'openssl')
    const folder = mkdtempSync(join(tmpdir(), 'ottla-tls-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
    execFileSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', key, '-out', certificate, '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ])
    const tls = await startBroker({
      args: ['--tls-cert', certificate, '--tls-key', key],
      env: { OTTLA_SECRET: SECRET },
    })
    onTestFinished(() => tls.stop())
    expect(tls.http).toMatch(/^https:/)
    const env = { OTTLA_URL: tls.http, OTTLA_SECRET: SECRET, NODE_EXTRA_CA_CERTS: certificate }
    expect(await ottla(['topics', 'create', TOPIC], { env })).toMatchObject({ code: 0 })
    const ssl = { ca: readFileSync(certificate), servername: 'localhost' }
    const admin = user('scram-sha-512', 'admin', SECRET)
    const producer = kafkajs(admin, { brokers: [bootstrap(tls.kafka)], ssl })
    await producer.connect()
    expect((await send(producer))[0]).toMatchObject({ errorCode: 0 })
    await expect(kafkajs(admin, { brokers: [bootstrap(tls.kafka)] }).connect()).rejects.toThrow()
    // The configuration had the key in it.
    expect(readdirSync(tls.dataDir).filter((name) => name.endsWith('.capnp'))).toEqual([])
  })
})
