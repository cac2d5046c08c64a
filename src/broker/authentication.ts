// Who somebody is, by what they present: a password checked by the users of this broker, a SCRAM proof, a token. For
// the Kafka port, tunnels and HTTP alike. Not how it is presented (login.ts, http/) and not what they may then do.
// What an isolate remembers for it is plain data; the calls belong to who asks.

import type { SecurityRpc } from '../cluster/contract.ts'
import type { Environment } from '../core/env.ts'
import { DEFAULT_TENANT } from '../core/ids.ts'
import type { Tenants, TenantUser } from '../core/tenants.ts'
import type { Exchange } from '../security/exchange.ts'
import type { VerifiedToken } from '../security/jwt.ts'
import {
  SCRAM_MECHANISMS,
  type ScramCredential,
  type ScramLikeness,
  ScramMechanism,
} from '../security/kept.ts'
import { oauthbearerExchange } from '../security/oauthbearer.ts'
import { plainExchange } from '../security/plain.ts'
import { ANONYMOUS, userOf } from '../security/principal.ts'
import { Salts } from '../security/salts.ts'
import {
  type Mechanism,
  type OauthSettings,
  oauthSettings,
  type SaslSettings,
  saslSettings,
} from '../security/sasl-settings.ts'
import { isPasswordOf, type ScramName } from '../security/scram.ts'
import { type FoundCredential, scramExchange } from '../security/scram-exchange.ts'
import { isSecret } from '../security/secret.ts'
import { type Fetch, IssuerKeys } from './issuer-keys.ts'
import { PasswordChecks } from './password-checks.ts'

/** What a start says of who may log in, and how. */
export interface AuthenticationSettings {
  readonly sasl: SaslSettings
  /** Null when no tokens are taken. */
  readonly oauth: OauthSettings | null
  /** The user whose password the secret is; null when there is no secret. */
  readonly firstUser: { readonly name: string; readonly secret: string } | null
  readonly tenants: Tenants
}

/** What a start says of it, in the Worker's bindings. */
export function authenticationSettings({
  config,
  secret,
  user,
  oauthKeys,
  tenants,
}: Pick<
  Environment,
  'config' | 'secret' | 'user' | 'oauthKeys' | 'tenants'
>): AuthenticationSettings {
  const firstUser = secret === null ? null : { name: user, secret }
  const reserved = firstUser === null ? [] : [firstUser.name]
  const everywhere = [...reserved, userOf(ANONYMOUS)]
  const inTenants = [...tenants.names].flatMap((tenant) =>
    everywhere.map((name) => `${tenant}/${name}`),
  )
  const reservedUsers = [...reserved, ...inTenants]
  const oauth = oauthSettings({ config, oauthKeys, reservedUsers })
  return { sasl: saslSettings(config, oauth !== null), oauth, firstUser, tenants }
}

/** What one isolate remembers. */
export class AuthenticationState {
  readonly settings: AuthenticationSettings
  readonly salts: Salts
  readonly checks = new PasswordChecks()
  /** By tenant: what those who do not exist are made like, at a version of all users. */
  readonly likenesses = new Map<
    string,
    { readonly version: number; readonly likeness: ScramLikeness }
  >()
  readonly issuer: IssuerKeys | null

  constructor(settings: AuthenticationSettings) {
    this.settings = settings
    const { firstUser, oauth } = settings
    this.salts = new Salts(firstUser?.secret ?? crypto.randomUUID())
    this.issuer = oauth === null ? null : new IssuerKeys(oauth)
  }
}

/** The users of a tenant. */
export interface TenantUsers {
  readonly cluster: Pick<SecurityRpc, 'scramCredential' | 'scramLikeness'>
  /** Of what is known of all users now: another one whenever one of them has changed. */
  version(): Promise<number>
}

/** The world as one connection or request reaches it. */
export interface AuthenticationReach {
  users(tenant: string): TenantUsers
  readonly fetch: Fetch
  now(): number
  sleep(ms: number): Promise<void>
}

/** See the head of this file. Belongs to one connection or request. */
export class Authenticator {
  readonly #state: AuthenticationState
  readonly #reach: AuthenticationReach
  readonly #home: string

  /** @param home the tenant of the host that was asked; main where there is no host */
  constructor(
    state: AuthenticationState,
    reach: AuthenticationReach,
    home: string = DEFAULT_TENANT,
  ) {
    this.#state = state
    this.#reach = reach
    this.#home = home
  }

  /** The users of a tenant, as this connection or request reaches them. */
  users(tenant: string): TenantUsers {
    return this.#reach.users(tenant)
  }

  get sasl(): SaslSettings {
    return this.#state.settings.sasl
  }

  /** A login by one of the mechanisms that are served. */
  exchange(mechanism: Mechanism): Exchange {
    switch (mechanism) {
      case 'PLAIN':
        return plainExchange((name, password) => this.#checkPassword(name, password))
      case 'OAUTHBEARER':
        return oauthbearerExchange((token) => this.checkToken(token))
      default:
        return scramExchange(mechanism, (name) => this.#findNamed(name, mechanism))
    }
  }

  /** Who the user is whose name was sent and proved; null where it is nobody's here. */
  userOf(name: string, mechanism: Mechanism): TenantUser | null {
    return mechanism === 'OAUTHBEARER' ? this.subjectOf(name) : this.#userOf(name)
  }

  /** Whose a token of this name is; null where it is nobody's here. */
  subjectOf(name: string): TenantUser | null {
    return this.#state.settings.tenants.subjectOf(name, this.#home)
  }

  #userOf(name: string): TenantUser | null {
    return this.#state.settings.tenants.userOf(name, this.#home)
  }

  /** Of a name that can be nobody's it costs the same. */
  async #checkPassword(name: string, password: string): Promise<boolean> {
    const who = this.#userOf(name)
    const isRight = await this.checkPassword(who ?? { tenant: this.#home, user: name }, password)
    return isRight && who !== null
  }

  async #findNamed(name: string, mechanism: ScramName): Promise<FoundCredential> {
    const who = this.#userOf(name)
    const found = await this.#find(who ?? { tenant: this.#home, user: name }, mechanism)
    return who === null ? { ...found, isKnown: false } : found
  }

  /**
   * Whether the password is the user's. One that was right within PASSWORD_CACHE_MS is known to be while no user has
   * changed; otherwise it costs the same whether there is such a user or not.
   * @throws TooManyChecks, or ObjectCallError when the users cannot be read
   */
  async checkPassword(who: TenantUser, password: string): Promise<boolean> {
    const { settings, checks } = this.#state
    const { tenant, user } = who
    // Whoever knows the secret does not stand behind those who guess it.
    if (user === settings.firstUser?.name && (await isSecret(password, settings.firstUser.secret)))
      return true
    const check = {
      user: `${tenant}/${user}`,
      password,
      version: () => this.#reach.users(tenant).version(),
      run: () => this.#compare(who, password),
    }
    return checks.isRight(check, this.#reach)
  }

  async #compare(who: TenantUser, password: string): Promise<boolean> {
    const [short, long] = await Promise.all([
      this.#find(who, 'SCRAM-SHA-256'),
      this.#find(who, 'SCRAM-SHA-512'),
    ])
    const mechanism = long.isKnown && !short.isKnown ? 'SCRAM-SHA-512' : 'SCRAM-SHA-256'
    const { credential, isKnown } = mechanism === 'SCRAM-SHA-512' ? long : short
    return (await isPasswordOf(mechanism, credential, password)) && isKnown
  }

  /**
   * What a token says, or why it is not taken.
   * @throws KeysUnavailable when it cannot be judged
   */
  async checkToken(token: string): Promise<VerifiedToken> {
    const { issuer } = this.#state
    if (issuer === null) {
      const reason =
        'tokens are not taken here: set sasl.oauthbearer.jwks.endpoint.url, or OTTLA_OAUTH_KEYS'
      return { kind: 'refused', status: 'invalid_token', reason }
    }
    return issuer.check(token, this.#reach)
  }

  /** The same calls and work for everybody. */
  async #find(who: TenantUser, mechanism: ScramName): Promise<FoundCredential> {
    const { salts, settings } = this.#state
    const { user, tenant } = who
    const isFirst = user === settings.firstUser?.name
    const code = SCRAM_MECHANISMS.get(mechanism) ?? ScramMechanism.SCRAM_SHA_256
    const asked = this.#likeness(tenant)
    // Whoever knows the secret gets in even while the users cannot be read.
    const likeness = await (isFirst ? asked.catch(() => null) : asked)
    const made = await salts.nobody(user, mechanism, likeness)
    const kept = await this.#kept(who, code, isFirst)
    if (isFirst)
      return { credential: await salts.firstUser(user, mechanism, likeness), isKnown: true }
    return kept === null
      ? { credential: made, isKnown: false }
      : { credential: kept, isKnown: true }
  }

  /** Read when any user has changed. */
  async #likeness(tenant: string): Promise<ScramLikeness> {
    const { likenesses } = this.#state
    const users = this.#reach.users(tenant)
    const version = await users.version()
    const known = likenesses.get(tenant)
    if (known?.version === version) return known.likeness
    const likeness = await users.cluster.scramLikeness()
    likenesses.set(tenant, { version, likeness })
    return likeness
  }

  async #kept(
    { tenant, user }: TenantUser,
    mechanism: ScramMechanism,
    isFirst: boolean,
  ): Promise<ScramCredential | null> {
    const asked = this.#reach.users(tenant).cluster.scramCredential(user, mechanism)
    return isFirst ? asked.catch(() => null) : asked
  }
}
