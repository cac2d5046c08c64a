// What one isolate knows of users, rules and quotas, read from Cluster and at most SECURITY_CACHE_MS old, and the
// access of a connection or request that is decided by it. Not the rules (../security decides) and not how somebody
// proves who they are (authentication, HTTP): these say `identify`.

import type { SecurityRpc } from '../cluster/contract.ts'
import type { Environment } from '../core/env.ts'
import { DEFAULT_TENANT } from '../core/ids.ts'
import {
  SECURITY_CACHE_MS,
  SECURITY_READING_MS,
  SECURITY_REFRESH_MS,
} from '../core/limits/security.ts'
import { configOfTenant } from '../core/tenants.ts'
import type { Access, Operation, Resource } from '../security/access.ts'
import { Authorizer, type AuthorizerSettings, type Grants, superUsersOf } from '../security/acl.ts'
import { canonicalHost } from '../security/host.ts'
import { type ClientQuota, NO_SECURITY, type SecuritySnapshot } from '../security/kept.ts'
import { ANONYMOUS, type Principal, principalOf } from '../security/principal.ts'
import { ClientQuotas } from '../security/quotas.ts'
import { isOauthConfigured } from '../security/sasl-settings.ts'

/** Fixed at start: nobody is asked, everybody is, or nothing is served. */
export type SecurityMode = 'open' | 'secured' | 'closed'

/** Secured where a credential is configured; otherwise open where that is meant, and closed elsewhere. */
export function securityMode({
  secret,
  local,
  allowAnonymous,
  config,
  oauthKeys,
}: Pick<
  Environment,
  'secret' | 'local' | 'allowAnonymous' | 'config' | 'oauthKeys'
>): SecurityMode {
  if (secret !== null || isOauthConfigured({ config, oauthKeys })) return 'secured'
  return local || allowAnonymous ? 'open' : 'closed'
}

/**
 * What the start says of who may what in a tenant: `super.users` and the user of the secret,
 * `allow.everyone.if.no.acl.found`. A super user who is named with a tenant is one there alone, any other in each.
 * @throws RangeError when `super.users` names something else than principals
 */
export function authorizerSettings(
  { config, secret, user }: Pick<Environment, 'config' | 'secret' | 'user'>,
  tenant: string = DEFAULT_TENANT,
): AuthorizerSettings {
  const superUsers = superUsersOf(configOfTenant(config, tenant)['super.users'] ?? '')
  if (secret !== null) superUsers.add(principalOf(user))
  const allowEveryone = config['allow.everyone.if.no.acl.found']
  return { superUsers, allowEveryoneIfNoAclFound: allowEveryone?.trim().toLowerCase() === 'true' }
}

/** The part of Cluster that is asked. */
export type SecuritySource = Pick<SecurityRpc, 'security'>

/** Of one isolate, shared by its connections: plain data, no promise of any of them. */
export class SecurityState {
  readonly #now: () => number
  readonly #settings: AuthorizerSettings
  #snapshot = NO_SECURITY
  #authorizer: Authorizer
  /** When the reading began from which the snapshot is. */
  #readAtMs = Number.NEGATIVE_INFINITY
  #readingSinceMs = Number.NEGATIVE_INFINITY
  /** Readings that have begun, and the last of those from which the snapshot is. */
  #asked = 0
  #answered = 0
  #changes = 0
  readonly #clientQuotas = new ClientQuotas()

  constructor(now: () => number, settings: AuthorizerSettings) {
    this.#now = now
    this.#settings = settings
    this.#authorizer = new Authorizer([], settings)
  }

  /** What is kept by users' credentials is valid as long as this does not change. */
  get usersVersion(): number {
    return this.#snapshot.usersVersion
  }

  get quotas(): readonly ClientQuota[] {
    return this.#snapshot.quotas
  }

  /** Rises when the quotas have changed. */
  get quotasVersion(): number {
    return this.#snapshot.quotasVersion
  }

  /** Another one whenever the rules have changed. */
  get authorizer(): Authorizer {
    return this.#authorizer
  }

  /**
   * Undefined while what is known is new enough; else to be awaited before anything is decided by it.
   * @throws ObjectCallError when Cluster cannot be reached: nothing is decided by what is too old
   */
  ready(source: SecuritySource): Promise<void> | undefined {
    const now = this.#now()
    const age = now - this.#readAtMs
    // Of a clock that went back nobody knows how old it is.
    if (age < 0 || age >= SECURITY_CACHE_MS) return this.#read(source)
    if (age < SECURITY_REFRESH_MS) return undefined
    this.#renew(source, now)
    return undefined
  }

  /**
   * What clients are charged by; null while nobody has a quota. Never waits, so that a new quota counts after
   * SECURITY_CACHE_MS and a reading.
   */
  quotasOf(source: SecuritySource): ClientQuotas | null {
    const now = this.#now()
    if (this.#isOld(now)) this.#renew(source, now)
    return this.#clientQuotas.isEmpty ? null : this.#clientQuotas
  }

  /** How long an address is to wait before it opens another connection; 0: it has opened one now. */
  connectionWaitMs(source: SecuritySource, clientHost: string): number {
    const now = this.#now()
    if (this.#isOld(now)) this.#renew(source, now)
    return this.#clientQuotas.connect(canonicalHost(clientHost), now)
  }

  #isOld(now: number): boolean {
    const age = now - this.#readAtMs
    return age < 0 || age >= SECURITY_REFRESH_MS
  }

  /** A promise of another context must not be waited for, so who finds a reading under way goes on with what there is. */
  #renew(source: SecuritySource, now: number): void {
    const sinceMs = now - this.#readingSinceMs
    if (sinceMs < 0 || sinceMs >= SECURITY_READING_MS) this.#read(source).catch(() => {})
  }

  /** This isolate has changed something: the next who asks reads it. */
  changed(): void {
    this.#readAtMs = Number.NEGATIVE_INFINITY
    this.#changes += 1
  }

  async #read(source: SecuritySource): Promise<void> {
    const began = this.#now()
    const turn = ++this.#asked
    const changes = this.#changes
    const known = this.#snapshot.version
    this.#readingSinceMs = began
    // Cluster may have restarted meanwhile; the second refusal counts.
    const found = await source.security(known).catch(() => source.security(known))
    this.#readingSinceMs = Number.NEGATIVE_INFINITY
    // Answers may overtake each other: what was asked for later is there already.
    if (turn < this.#answered) return
    this.#answered = turn
    if (found !== null) this.#take(found)
    if (changes === this.#changes) this.#readAtMs = began
  }

  #take(found: SecuritySnapshot): void {
    const { aclsVersion, quotasVersion } = this.#snapshot
    this.#snapshot = found
    if (found.quotasVersion !== quotasVersion) this.#clientQuotas.replace(found.quotas)
    if (found.aclsVersion === aclsVersion) return
    this.#authorizer = new Authorizer(found.acls, this.#settings)
  }
}

/** What an access is made of. */
export interface SecuredAccessParts {
  readonly state: SecurityState
  readonly source: SecuritySource
  /** The client's address as contexts have it: `/127.0.0.1`. */
  readonly clientHost: string
  /** Whether ANONYMOUS may do what the rules allow it; otherwise it may nothing. */
  readonly allowAnonymous: boolean
}

/** The access of one connection or request of a secured broker; its principal is set when they prove who they are. */
export class SecuredAccess implements Access {
  readonly isOpen = false
  readonly #state: SecurityState
  readonly #source: SecuritySource
  readonly #host: string
  readonly #allowAnonymous: boolean
  #principal: Principal = ANONYMOUS
  #authorizer: Authorizer | null = null
  #grants: Grants | null = null

  constructor({ state, source, clientHost, allowAnonymous }: SecuredAccessParts) {
    this.#state = state
    this.#source = source
    this.#host = clientHost.replace(/^\//, '')
    this.#allowAnonymous = allowAnonymous
  }

  get principal(): Principal {
    return this.#principal
  }

  /** They have proved to be this principal, or are nobody any more (ANONYMOUS). */
  identify(principal: Principal): void {
    this.#principal = principal
    this.#grants = null
  }

  /** Whether they may ask for anything but to be authenticated. */
  get isAdmitted(): boolean {
    return this.#allowAnonymous || this.#principal !== ANONYMOUS
  }

  ready(): Promise<void> | undefined {
    return this.#state.ready(this.#source)
  }

  may(operation: Operation, resource: Resource, name: string): boolean {
    return this.isAdmitted && this.#granted().may(operation, resource, name)
  }

  mayOnAny(operation: Operation, resource: Resource): boolean {
    return this.isAdmitted && this.#granted().mayOnAny(operation, resource)
  }

  #granted(): Grants {
    const { authorizer } = this.#state
    if (this.#grants !== null && this.#authorizer === authorizer) return this.#grants
    this.#authorizer = authorizer
    this.#grants = authorizer.grants(this.#principal, this.#host)
    return this.#grants
  }
}
