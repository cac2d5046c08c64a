import { describe, expect, it } from 'vitest'
import type { ServedApi } from '../../src/broker/api-table.ts'
import { APIS } from '../../src/broker/apis.ts'
import {
  type AuthenticationSettings,
  AuthenticationState,
  Authenticator,
} from '../../src/broker/authentication.ts'
import { Connection, type ConnectionState } from '../../src/broker/connection.ts'
import type { BrokerContext } from '../../src/broker/context.ts'
import { CloseConnection } from '../../src/broker/context.ts'
import { saslHandshake } from '../../src/broker/handlers/sasl-handshake.ts'
import { Login } from '../../src/broker/login.ts'
import { DEFAULT_TENANT } from '../../src/core/ids.ts'
import { LOGIN_MS } from '../../src/core/limits/authentication.ts'
import { NO_TENANTS, Tenants } from '../../src/core/tenants.ts'
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts'
import { ApiVersions } from '../../src/protocol/messages/api-versions.ts'
import { Metadata } from '../../src/protocol/messages/metadata.ts'
import { SaslAuthenticate } from '../../src/protocol/messages/sasl-authenticate.ts'
import { SaslHandshake } from '../../src/protocol/messages/sasl-handshake.ts'
import type { AnyApi, RequestToSend, ResponseRead } from '../../src/protocol/schema.ts'
import { type Principal, principalOf } from '../../src/security/principal.ts'
import { credentialOfPassword, type ScramName } from '../../src/security/scram.ts'
import { lastMessage } from '../security/scram-client.ts'
import { fakeContext } from './fakes.ts'

const text = (message: string) => new TextEncoder().encode(message)
const alice = {
  1: await credentialOfPassword('SCRAM-SHA-256', 'secret', 4096),
  2: await credentialOfPassword('SCRAM-SHA-512', 'secret', 4096),
}
const acmesAlice = await credentialOfPassword('SCRAM-SHA-256', 'of acme', 4096)
const bob = await credentialOfPassword('SCRAM-SHA-256', 'bobs', 4096)
const SETTINGS: AuthenticationSettings = {
  sasl: {
    mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'],
    maxReauthMs: 0,
    failureDelayMs: 100,
    requestMaxBytes: 4096,
  },
  oauth: null,
  firstUser: { name: 'admin', secret: 's3cret' },
  tenants: NO_TENANTS,
}
const TABLE = new Map<number, ServedApi>([
  ...APIS,
  [
    Metadata.key,
    { api: Metadata, handle: { kind: 'ordered', run: async () => ({ brokers: [], topics: [] }) } },
  ],
  [
    SaslHandshake.key,
    { api: SaslHandshake, handle: { kind: 'ordered', run: saslHandshake as never } },
  ],
])

interface Given {
  readonly settings?: AuthenticationSettings
  readonly maxReauthMs?: number
  readonly allowAnonymous?: boolean
  readonly state?: ConnectionState
  readonly home?: string
  readonly isClusterGone?: boolean
}

type Authenticated = ResponseRead<typeof SaslAuthenticate> | null

/** One connection, its client, and the time. */
class Client {
  readonly connection: Connection
  readonly log: object[] = []
  principal: Principal = 'User:ANONYMOUS'
  tenant: string | null = null
  nowMs = 1_000_000
  sleptMs = 0
  #id = 0
  #failed: unknown = null

  constructor({
    settings = SETTINGS,
    maxReauthMs = 0,
    allowAnonymous = false,
    state,
    home = DEFAULT_TENANT,
    isClusterGone = false,
  }: Given = {}) {
    const authenticator = new Authenticator(
      new AuthenticationState({ ...settings, sasl: { ...settings.sasl, maxReauthMs } }),
      {
        users: (tenant) => ({
          cluster: {
            scramCredential: async (user, mechanism) => {
              if (isClusterGone) throw new Error('gone')
              if (tenant === 'acme') return user === 'alice' && mechanism === 1 ? acmesAlice : null
              if (user === 'bob') return mechanism === 1 ? bob : null
              return user === 'alice' ? alice[mechanism] : null
            },
            scramLikeness: async () => {
              if (isClusterGone) throw new Error('gone')
              return { clusterId: tenant, iterations: { 1: [[4096, 2]], 2: [[4096, 1]] } }
            },
          },
          version: async () => 1,
        }),
        fetch: async () => new Response(null, { status: 404 }),
        now: () => this.nowMs,
        sleep: async () => {},
      },
      home,
    )
    const contexts = new Map<string, BrokerContext>()
    const contextOf = (tenant: string): BrokerContext => {
      const context =
        contexts.get(tenant) ??
        fakeContext({
          context: {
            tenant,
            authentication: {
              authenticator,
              identify: (principal) => {
                this.principal = principal
                this.tenant = tenant
              },
              contextOf,
              allowAnonymous,
            },
            log: (_level, event, fields) => this.log.push({ event, ...fields }),
            timers: {
              now: () => this.nowMs,
              after: () => () => {},
              sleep: async (ms) => {
                this.sleptMs += ms
              },
            },
          },
        })
      contexts.set(tenant, context)
      return context
    }
    this.connection = new Connection(TABLE, contextOf(home), 10_000, state)
  }

  /** What comes back for bytes; null when the connection is closed without a word. */
  async exchange(bytes: Uint8Array): Promise<Buffer | null> {
    if (this.#failed !== null) throw new Error('it is closed')
    try {
      await this.connection.receive(bytes)
    } catch (error) {
      this.#failed = error
      this.connection.fail(error)
    }
    const pieces: Uint8Array[] = []
    try {
      // Behind the last answer comes why there are no more.
      do pieces.push(...((await this.connection.outgoing())?.pieces ?? []))
      while (this.#failed !== null)
    } catch (error) {
      expect(error).toBe(this.#failed)
    }
    return pieces.length === 0 ? null : Buffer.concat(pieces)
  }

  async ask<A extends AnyApi>(
    api: A,
    version: number,
    body: RequestToSend<A>,
  ): Promise<ResponseRead<A> | null> {
    const header = { correlationId: ++this.#id, clientId: 'c' }
    const answer = await this.exchange(encodeRequest(api, version, header, body))
    if (answer === null) return null
    const { correlationId, body: read } = decodeResponse(
      api,
      version,
      new Uint8Array(answer.subarray(4)),
    )
    expect(correlationId).toBe(this.#id)
    expect(answer.readInt32BE()).toBe(answer.length - 4)
    return read
  }

  versions(): Promise<ResponseRead<typeof ApiVersions> | null> {
    const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
    return this.ask(ApiVersions, 3, software)
  }

  handshake(mechanism: string, version = 1): Promise<ResponseRead<typeof SaslHandshake> | null> {
    return this.ask(SaslHandshake, version, { mechanism })
  }

  authenticate(message: string): Promise<Authenticated> {
    return this.ask(SaslAuthenticate, 2, { authBytes: text(message) })
  }

  metadata(): Promise<ResponseRead<typeof Metadata> | null> {
    return this.ask(Metadata, 12, { topics: [] })
  }

  /** The connection says why it is closed. */
  async reason(): Promise<string> {
    expect(this.#failed).toBeInstanceOf(CloseConnection)
    return (this.#failed as Error).message
  }

  async plain(user: string, password: string): Promise<Authenticated> {
    await this.handshake('PLAIN')
    return this.authenticate(`\0${user}\0${password}`)
  }

  async scram(mechanism: ScramName, user: string, password: string): Promise<Authenticated> {
    await this.handshake(mechanism)
    const bare = `n=${user},r=fyko`
    const asked = await this.authenticate(`n,,${bare}`)
    const serverFirst = new TextDecoder().decode(asked?.authBytes)
    return this.authenticate(await lastMessage(mechanism, { password, bare, serverFirst }))
  }
}

const NONE = { errorCode: 0, errorMessage: null, sessionLifetimeMs: 0 }
const FAILED = { errorCode: 58, sessionLifetimeMs: 0, authBytes: new Uint8Array(0) }

describe('a login', () => {
  it('is by user and password, after ApiVersions and a handshake, and then everything is served', async () => {
    const client = new Client()
    expect((await client.versions())?.errorCode).toBe(0)
    expect(await client.handshake('PLAIN')).toEqual({
      errorCode: 0,
      mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'],
    })
    expect(await client.authenticate('\0alice\0secret')).toEqual({
      ...NONE,
      authBytes: new Uint8Array(0),
    })
    expect(client.principal).toBe('User:alice')
    expect(await client.metadata()).toMatchObject({ topics: [] })
    expect((await client.versions())?.errorCode).toBe(0)
    expect(client.sleptMs).toBe(0)
  })

  it.each(['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('is by %s', async (mechanism) => {
    const client = new Client()
    expect(await client.scram(mechanism, 'alice', 'secret')).toMatchObject(NONE)
    expect(client.principal).toBe('User:alice')
    const first = new Client()
    expect(await first.scram(mechanism, 'admin', 's3cret')).toMatchObject(NONE)
    expect(first.principal).toBe('User:admin')
  })

  it('is by PLAIN whatever mechanism the user has, and of the first user by the secret', async () => {
    expect(await new Client().plain('bob', 'bobs')).toMatchObject(NONE)
    expect(await new Client().plain('admin', 's3cret')).toMatchObject(NONE)
    expect(await new Client().plain('admin', 'secret')).toMatchObject({ errorCode: 58 })
  })

  it.each<[string, (client: Client) => Promise<unknown>, string]>([
    [
      'a wrong password',
      (client) => client.plain('alice', 'wrong'),
      'Authentication failed: Invalid username or password',
    ],
    [
      'a user who is not there',
      (client) => client.plain('nobody', 'secret'),
      'Authentication failed: Invalid username or password',
    ],
    [
      'a wrong proof',
      (client) => client.scram('SCRAM-SHA-256', 'alice', 'wrong'),
      'Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256',
    ],
    [
      'a proof of nobody',
      (client) => client.scram('SCRAM-SHA-512', 'nobody', 'secret'),
      'Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512',
    ],
    [
      'a mechanism the user has not',
      (client) => client.scram('SCRAM-SHA-512', 'bob', 'bobs'),
      'Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512',
    ],
    [
      'no message of PLAIN',
      async (client) => {
        await client.handshake('PLAIN')
        return client.authenticate('alice secret')
      },
      'Authentication failed during authentication due to invalid credentials with SASL mechanism PLAIN',
    ],
  ])(
    'of %s is refused late, in words that tell nothing, and closed',
    async (_, attempt, errorMessage) => {
      const client = new Client()
      expect(await attempt(client)).toEqual({ ...FAILED, errorMessage })
      expect(client.sleptMs).toBe(100)
      expect(client.principal).toBe('User:ANONYMOUS')
      expect(await client.reason()).toBe('a login was refused')
      expect(JSON.stringify(client.log)).not.toMatch(/secret|wrong"|bobs/)
      expect(client.log).toMatchObject([{ event: 'login refused', client: '/127.0.0.1' }])
    },
  )

  it('that cannot be decided is closed without a word, so that clients try again; the first user gets in', async () => {
    const client = new Client({ isClusterGone: true })
    expect(await client.plain('alice', 'secret')).toBeNull()
    expect(await client.reason()).toContain('could not be decided')
    expect(await new Client({ isClusterGone: true }).plain('admin', 's3cret')).toMatchObject(NONE)
  })

  it('by a mechanism that is not served is told those that are, and closed', async () => {
    for (const version of [0, 1]) {
      const client = new Client()
      expect(await client.handshake('GSSAPI', version)).toEqual({
        errorCode: 33,
        mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'],
      })
      expect(client.sleptMs).toBe(100)
      await client.reason()
    }
    expect(await new Client().handshake('OAUTHBEARER')).toMatchObject({ errorCode: 33 })
  })

  it('comes before everything else: other requests are closed', async () => {
    for (const ask of [
      (client: Client) => client.metadata(),
      (client: Client) => client.authenticate('\0alice\0secret'),
      async (client: Client) => {
        await client.versions()
        return client.versions()
      },
      async (client: Client) => {
        await client.versions()
        return client.metadata()
      },
      (client: Client) =>
        client.exchange(new Uint8Array([0, 0, 0, 10, 0, 99, 0, 0, 0, 0, 0, 1, 0, 0])),
    ]) {
      const client = new Client()
      expect(await ask(client)).toBeNull()
      await client.reason()
      expect(client.principal).toBe('User:ANONYMOUS')
    }
  })

  it('finds out versions first, as many times as that fails', async () => {
    const client = new Client()
    const unknown = new Uint8Array([0, 0, 0, 10, 0, 18, 0, 99, 0, 0, 0, 1, 0, 0])
    const answer = await client.exchange(unknown)
    expect(answer?.readInt16BE(8)).toBe(35)
    const unnamed = { clientSoftwareName: '', clientSoftwareVersion: '' }
    expect(await client.ask(ApiVersions, 3, unnamed)).toMatchObject({ errorCode: 42 })
    expect(await client.versions()).toMatchObject({ errorCode: 0 })
    expect(await client.plain('alice', 'secret')).toMatchObject({ errorCode: 0 })
  })

  it('is not interrupted: what else comes in the middle is ILLEGAL_SASL_STATE where that can be said, and closed', async () => {
    const again = new Client()
    await again.handshake('PLAIN')
    expect(await again.handshake('PLAIN')).toEqual({ errorCode: 34, mechanisms: [] })
    await again.reason()
    const versions = new Client()
    await versions.handshake('PLAIN')
    expect(await versions.versions()).toMatchObject({ errorCode: 34 })
    const metadata = new Client()
    await metadata.handshake('PLAIN')
    expect(await metadata.metadata()).toBeNull()
  })

  it('takes no large frames of who may be anybody, and then does', async () => {
    const large = encodeRequest(
      Metadata,
      12,
      { correlationId: 7, clientId: 'x'.repeat(5_000) },
      { topics: [] },
    )
    const before = new Client()
    expect(await before.exchange(large)).toBeNull()
    expect(await before.reason()).toContain('sasl.server.max.receive.size')
    const after = new Client()
    await after.plain('alice', 'secret')
    expect((await after.exchange(large))?.readInt32BE(4)).toBe(7)
  })

  it('has so long', async () => {
    const client = new Client()
    await client.versions()
    client.nowMs += LOGIN_MS
    expect(client.connection.isLoginOverdue).toBe(false)
    client.nowMs += 1
    expect(client.connection.isLoginOverdue).toBe(true)
    await client.plain('alice', 'secret')
    expect(client.connection.isLoginOverdue).toBe(false)
  })
})

describe('a login by handshake version 0', () => {
  const raw = (message: string) => {
    const size = Buffer.alloc(4)
    size.writeInt32BE(text(message).length)
    return Buffer.concat([size, text(message)])
  }

  it('has messages without headers, then requests', async () => {
    const client = new Client()
    await client.handshake('PLAIN', 0)
    // Cut wherever it may be.
    await client.connection.receive(raw('\0alice\0secret').subarray(0, 3))
    expect(await client.exchange(raw('\0alice\0secret').subarray(3))).toEqual(Buffer.alloc(4))
    expect(client.principal).toBe('User:alice')
    expect(await client.metadata()).toMatchObject({ topics: [] })
  })

  it('is SCRAM as well', async () => {
    const client = new Client()
    await client.handshake('SCRAM-SHA-256', 0)
    const bare = 'n=alice,r=fyko'
    const asked = await client.exchange(raw(`n,,${bare}`))
    const serverFirst = asked?.subarray(4).toString() ?? ''
    const last = await lastMessage('SCRAM-SHA-256', { password: 'secret', bare, serverFirst })
    expect((await client.exchange(raw(last)))?.toString()).toContain('v=')
    expect(client.principal).toBe('User:alice')
  })

  it('that is refused is closed late and without a word', async () => {
    for (const message of ['\0alice\0wrong', '', 'x']) {
      const client = new Client()
      await client.handshake('PLAIN', 0)
      expect(await client.exchange(raw(message))).toBeNull()
      expect(client.sleptMs).toBe(100)
      await client.reason()
    }
  })
})

describe('a login again', () => {
  it('is asked for by the life of the first, and goes on under the same name', async () => {
    const client = new Client({ maxReauthMs: 5_000 })
    expect(await client.scram('SCRAM-SHA-256', 'alice', 'secret')).toMatchObject({
      sessionLifetimeMs: 5_000,
    })
    client.nowMs += 4_000
    expect(await client.metadata()).toMatchObject({ topics: [] })
    expect(await client.scram('SCRAM-SHA-256', 'alice', 'secret')).toMatchObject({
      sessionLifetimeMs: 5_000,
    })
    client.nowMs += 4_000
    expect(await client.metadata()).toMatchObject({ topics: [] })
    // Late, but before anything else.
    client.nowMs += 2_000
    expect(await client.scram('SCRAM-SHA-256', 'alice', 'secret')).toMatchObject({ errorCode: 0 })
    expect(await client.metadata()).toMatchObject({ topics: [] })
  })

  it('that does not come ends the connection with the next request', async () => {
    const client = new Client({ maxReauthMs: 5_000 })
    await client.plain('alice', 'secret')
    client.nowMs += 5_001
    expect(await client.metadata()).toBeNull()
    expect(await client.reason()).toBe('the login has ended: log in again')
  })

  it('as somebody else, or by another mechanism, is refused', async () => {
    const other = new Client({ maxReauthMs: 5_000 })
    await other.plain('alice', 'secret')
    other.nowMs += 2_000
    expect(await other.plain('bob', 'bobs')).toMatchObject({
      errorCode: 58,
      errorMessage: 'Cannot change principals during re-authentication from User.alice: User.bob',
    })
    expect(other.principal).toBe('User:alice')
    await other.reason()
    const mechanism = new Client({ maxReauthMs: 5_000 })
    await mechanism.plain('alice', 'secret')
    mechanism.nowMs += 2_000
    expect(await mechanism.handshake('SCRAM-SHA-256')).toMatchObject({ errorCode: 0 })
    expect(await mechanism.authenticate('n,,n=alice,r=fyko')).toMatchObject({
      errorCode: 58,
      errorMessage:
        'Cannot change SASL mechanism from PLAIN to SCRAM-SHA-256 during re-authentication',
    })
    await mechanism.reason()
    const wrong = new Client({ maxReauthMs: 5_000 })
    await wrong.scram('SCRAM-SHA-256', 'alice', 'secret')
    wrong.nowMs += 2_000
    expect(await wrong.scram('SCRAM-SHA-256', 'alice', 'wrong')).toMatchObject({
      errorMessage:
        'Authentication failed during re-authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256',
    })
  })

  it('is ILLEGAL_SASL_STATE where the first does not end, or within a second; the connection goes on', async () => {
    const forever = new Client()
    await forever.plain('alice', 'secret')
    forever.nowMs += 60_000
    expect(await forever.handshake('PLAIN')).toEqual({ errorCode: 34, mechanisms: [] })
    expect(await forever.authenticate('\0bob\0bobs')).toMatchObject({
      errorCode: 34,
      errorMessage: 'SaslAuthenticate request received after successful authentication',
    })
    expect(await forever.metadata()).toMatchObject({ topics: [] })
    const soon = new Client({ maxReauthMs: 5_000 })
    await soon.plain('alice', 'secret')
    soon.nowMs += 999
    expect(await soon.handshake('PLAIN')).toMatchObject({ errorCode: 34 })
    soon.nowMs += 1
    expect(await soon.handshake('PLAIN')).toMatchObject({ errorCode: 0 })
  })
})

describe('a connection that is kept', () => {
  it('knows who has logged in and until when', async () => {
    const first = new Client({ maxReauthMs: 5_000 })
    await first.plain('alice', 'secret')
    const state = structuredClone(first.connection.state())
    expect(JSON.stringify(state)).not.toContain('secret')
    const second = new Client({ maxReauthMs: 5_000, ...(state === null ? {} : { state }) })
    expect(second.principal).toBe('User:alice')
    second.nowMs = first.nowMs + 2_000
    expect(await second.metadata()).toMatchObject({ topics: [] })
    expect(await second.plain('bob', 'bobs')).toMatchObject({ errorCode: 58 })
    const late = new Client({ maxReauthMs: 5_000, ...(state === null ? {} : { state }) })
    late.nowMs = first.nowMs + 6_000
    expect(await late.metadata()).toBeNull()
  })

  it('is not, in the middle of a login; before it, it asks for one', async () => {
    const client = new Client()
    await client.versions()
    const state = structuredClone(client.connection.state())
    expect(state).toMatchObject({ login: { phase: 'versioned', done: null } })
    await client.handshake('SCRAM-SHA-256')
    expect(client.connection.state()).toBeNull()
    const second = new Client(state === null ? {} : { state })
    expect(await second.metadata()).toBeNull()
  })

  it('is of who has opened its tunnel until a login inside says otherwise', async () => {
    const login = Login.known(
      { principal: principalOf('admin'), expiresAtMs: 1_005_000 },
      1_000_000,
      0,
    )
    const state = { partial: new Uint8Array(0), login }
    const client = new Client({ state })
    expect(client.principal).toBe('User:admin')
    expect(await client.metadata()).toMatchObject({ topics: [] })
    expect(await client.plain('bob', 'bobs')).toMatchObject({ errorCode: 0 })
    expect(client.principal).toBe('User:bob')
    client.nowMs += 6_000
    expect(await client.metadata()).toMatchObject({ topics: [] })
    const late = new Client({ state })
    late.nowMs += 6_000
    expect(await late.metadata()).toBeNull()
  })
})

describe('what has opened a tunnel', () => {
  it.each([null, 1_900_000])(
    'lasts no longer than any other login, if it ends at %s',
    async (expiresAtMs) => {
      const who = { principal: principalOf('admin'), expiresAtMs }
      const login = Login.known(who, 1_000_000, 1_000)
      const client = new Client({ state: { partial: new Uint8Array(0), login } })
      client.nowMs += 999
      expect(await client.metadata()).toMatchObject({ topics: [] })
      client.nowMs += 2
      expect(await client.metadata()).toBeNull()
    },
  )
})

describe('a broker that lets in who is nobody', () => {
  it('serves them, and lets them log in', async () => {
    const client = new Client({ allowAnonymous: true })
    expect(await client.metadata()).toMatchObject({ topics: [] })
    expect(client.connection.isLoginOverdue).toBe(false)
    expect(await client.plain('alice', 'secret')).toMatchObject({ errorCode: 0 })
    expect(client.principal).toBe('User:alice')
    expect(await new Client({ allowAnonymous: true }).plain('alice', 'wrong')).toMatchObject({
      errorCode: 58,
    })
  })
})

describe('a login to a tenant', () => {
  const settings = { ...SETTINGS, tenants: new Tenants(['acme', 'beta']) }
  const OF_ACME = { tenant: 'acme', principal: 'User:alice' }

  it('is by the name with the tenant before it, which is what the mechanism speaks of', async () => {
    const plain = new Client({ settings })
    expect(await plain.plain('acme/alice', 'of acme')).toMatchObject(NONE)
    expect(plain).toMatchObject(OF_ACME)
    expect(plain.connection.context.tenant).toBe('acme')
    expect(plain.connection.context.counts.hasOpen('tcp')).toBe(false)
    const scram = new Client({ settings })
    expect(await scram.scram('SCRAM-SHA-256', 'acme/alice', 'of acme')).toMatchObject(NONE)
    expect(scram).toMatchObject(OF_ACME)
    const main = new Client({ settings })
    expect(await main.plain('alice', 'secret')).toMatchObject(NONE)
    expect(main).toMatchObject({ tenant: 'main', principal: 'User:alice' })
  })

  it.each([
    ['acme/alice', 'secret'],
    ['alice', 'of acme'],
    ['beta/alice', 'of acme'],
    ['acme/bob', 'bobs'],
    ['acme/', 'of acme'],
  ])('%s with the password %s, which is somebody else’s, is refused', async (user, password) => {
    const plain = new Client({ settings })
    expect(await plain.plain(user, password)).toMatchObject({ errorCode: 58 })
    expect(plain.tenant).toBeNull()
    const scram = new Client({ settings })
    expect(await scram.scram('SCRAM-SHA-256', user, password)).toMatchObject({ errorCode: 58 })
  })

  it('is the host’s where there is one: without the tenant’s name, and of no other tenant', async () => {
    const own = new Client({ settings, home: 'acme' })
    expect(await own.scram('SCRAM-SHA-256', 'alice', 'of acme')).toMatchObject(NONE)
    expect(own).toMatchObject(OF_ACME)
    const named = new Client({ settings, home: 'acme' })
    expect(await named.plain('acme/alice', 'of acme')).toMatchObject(NONE)
    const wrong = 'Authentication failed: Invalid username or password'
    const other = new Client({ settings, home: 'beta' })
    const refused = await other.plain('acme/alice', 'of acme')
    expect(refused).toMatchObject({ errorCode: 58, errorMessage: wrong })
    const proved = new Client({ settings, home: 'beta' })
    expect(await proved.scram('SCRAM-SHA-256', 'acme/alice', 'of acme')).toMatchObject({
      errorCode: 58,
    })
  })

  it('of the first user is to each tenant', async () => {
    for (const user of ['admin', 'acme/admin', 'beta/admin']) {
      const client = new Client({ settings })
      expect(await client.scram('SCRAM-SHA-512', user, 's3cret')).toMatchObject(NONE)
      expect(client.principal).toBe('User:admin')
    }
    expect(await new Client({ settings }).plain('gamma/admin', 's3cret')).toMatchObject({
      errorCode: 58,
    })
  })

  it('is never followed by one to another tenant, not even of the same name and password', async () => {
    const client = new Client({ settings, maxReauthMs: 60_000 })
    await client.plain('acme/admin', 's3cret')
    client.nowMs += 30_000
    expect(await client.plain('acme/admin', 's3cret')).toMatchObject({ errorCode: 0 })
    client.nowMs += 30_000
    expect(await client.plain('beta/admin', 's3cret')).toMatchObject({
      errorCode: 58,
      errorMessage:
        'Cannot change principals during re-authentication from User.acme/admin: User.beta/admin',
    })
    expect(client).toMatchObject({ tenant: 'acme', principal: 'User:admin' })
    const back = new Client({ settings, maxReauthMs: 60_000 })
    await back.plain('acme/admin', 's3cret')
    back.nowMs += 30_000
    expect(await back.plain('admin', 's3cret')).toMatchObject({ errorCode: 58 })
  })

  it('is counted and logged in the tenant that was named', async () => {
    const client = new Client({ settings })
    const before = client.connection.context.counts
    await client.plain('acme/alice', 'of acme')
    const { counts } = client.connection.context
    expect(counts).not.toBe(before)
    const reported = async (one: typeof counts) => {
      let totals: object = {}
      const report = async (said: object) => {
        totals = said
      }
      await one.tellNow({ report } as never, { nowMs: 1, isAlone: true })
      return JSON.stringify(totals)
    }
    expect(await reported(counts)).toContain('logins|PLAIN|taken')
    expect(await reported(before)).not.toContain('logins')
  })

  it('goes on after its tunnel has slept', async () => {
    const client = new Client({ settings })
    await client.plain('acme/alice', 'of acme')
    const state = client.connection.state()
    if (state === null) throw new Error('nothing is under way')
    const later = new Client({ settings, state: structuredClone(state) })
    expect(later).toMatchObject(OF_ACME)
    expect(later.connection.context.tenant).toBe('acme')
  })
})
