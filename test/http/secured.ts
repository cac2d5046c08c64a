// A broker that asks who somebody is, in memory: the application with its real doorkeeper, the real decider and the real
// check of passwords, over users and rules that a test sets. Its clock can be put forward.

import type { AuditLog } from '../../src/broker/audit.ts'
import {
  type AuthenticationSettings,
  AuthenticationState,
  Authenticator,
} from '../../src/broker/authentication.ts'
import type { BrokerContext } from '../../src/broker/context.ts'
import { authorizerSettings, SecuredAccess, SecurityState } from '../../src/broker/security.ts'
import type { TopicState } from '../../src/cluster/contract.ts'
import type { Environment } from '../../src/core/env.ts'
import { DEFAULT_TENANT } from '../../src/core/ids.ts'
import { httpApp } from '../../src/http/app.ts'
import { Entrance } from '../../src/http/entrance.ts'
import { homeOf } from '../../src/http/gate.ts'
import { ObjectCallError } from '../../src/runtime/objects.ts'
import { Operation, Resource } from '../../src/security/access.ts'
import { type AclBinding, PatternType, Permission } from '../../src/security/acl.ts'
import {
  type ScramCredential,
  type ScramLikeness,
  ScramMechanism,
  type SecuritySnapshot,
} from '../../src/security/kept.ts'
import { saslSettings } from '../../src/security/sasl-settings.ts'
import { credentialOfPassword } from '../../src/security/scram.ts'
import { timers } from '../broker/fakes.ts'
import { LOCAL, type MemoryBroker, memoryBroker } from './fakes.ts'

export const SECRET = 's3cret-of-this-broker'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any JSON.
  readonly body: any
}

export interface Asking {
  readonly headers?: Record<string, string>
  readonly body?: unknown
  /** By default that of a broker on this machine. */
  readonly base?: string
}

export type Word = {
  readonly operation: keyof typeof Operation
  readonly resource: keyof typeof Resource
}

/** See the head of this file. */
export class Secured {
  readonly broker: MemoryBroker
  readonly environment: Environment
  readonly entrance: Entrance
  /** All that was logged, as text. */
  readonly logged: string[] = []
  /** Credentials that were asked for: what a check costs before PBKDF2. */
  asked = 0
  /** Passwords that went through PBKDF2, or would have. */
  checked = 0
  /** Where it is written down who was refused. */
  audit: Pick<AuditLog, 'tell' | 'note'> | null = null
  /** How a check of a password goes. */
  checks = (run: () => Promise<boolean>): Promise<boolean> => run()
  /** What Cluster does when it is asked. */
  fails = false
  readonly #users = new Map<string, ScramCredential>()
  #acls: AclBinding[] = []
  #version = 1
  #usersVersion = 1
  #aheadMs = 0
  readonly #states = new Map<string, SecurityState>()
  readonly #authentication: AuthenticationState
  readonly #app: ReturnType<typeof httpApp>
  readonly now = () => Date.now() + this.#aheadMs

  constructor(
    topics: readonly TopicState[],
    more: Partial<Environment> = {},
    asset?: (request: Request) => Promise<Response>,
    authentication: Partial<AuthenticationSettings> = {},
  ) {
    this.broker = memoryBroker(topics)
    this.environment = { ...LOCAL, secret: SECRET, ...more }
    const { secret, user } = this.environment
    this.entrance = new Entrance(this.environment)
    this.#authentication = new AuthenticationState({
      sasl: saslSettings({}, false),
      oauth: null,
      firstUser: secret === null ? null : { name: user, secret },
      tenants: this.environment.tenants,
      ...authentication,
    })
    const { checks } = this.#authentication
    const isRight = checks.isRight.bind(checks)
    checks.isRight = (check, waiting) => {
      const run = () => {
        this.checked++
        return this.checks(check.run)
      }
      return isRight({ ...check, run }, waiting)
    }
    const contexts = new WeakMap<Request, ReturnType<Secured['context']>>()
    const reach = (request: Request) => {
      const context = contexts.get(request) ?? this.context(homeOf(request, this.environment))
      contexts.set(request, context)
      return context
    }
    this.#app = httpApp({
      environment: this.environment,
      context: (request, identity) => this.entrance.contextOf(reach(request), identity),
      security: {
        doorkeeper: this.entrance.doorkeeper,
        deps: (request) => this.entrance.deps(reach(request)),
      },
      random: () => 0,
      asset,
    })
  }

  /** The broker as one request reaches it: nobody in particular yet. */
  context(home = DEFAULT_TENANT): BrokerContext {
    const authenticator = new Authenticator(
      this.#authentication,
      {
        users: (tenant) => {
          const cluster = this.#source(tenant)
          const version = async () => {
            await this.#state(tenant).ready(cluster)
            return this.#state(tenant).usersVersion
          }
          return { cluster, version }
        },
        fetch: async () => new Response(null, { status: 500 }),
        now: this.now,
        sleep: timers.sleep,
      },
      home,
    )
    return this.#contextOf(home, authenticator)
  }

  #contextOf(tenant: string, authenticator: Authenticator): BrokerContext {
    const { context } = this.broker
    const { allowAnonymous } = this.environment
    const source = this.#source(tenant)
    const state = this.#state(tenant)
    const access = new SecuredAccess({ state, source, clientHost: '/127.0.0.1', allowAnonymous })
    const made: BrokerContext = {
      ...context,
      tenant,
      access,
      audit: this.audit as AuditLog | null,
      security: state,
      authentication: {
        authenticator,
        identify: access.identify.bind(access),
        contextOf: (other) => (other === tenant ? made : this.#contextOf(other, authenticator)),
        allowAnonymous,
      },
      objects: {
        ...context.objects,
        cluster: Object.assign(Object.create(context.objects.cluster), source),
      },
      timers: { ...timers, now: this.now },
      log: (...said: unknown[]) => void this.logged.push(JSON.stringify(said)),
    }
    return made
  }

  #state(tenant: string): SecurityState {
    const settings = authorizerSettings(this.environment, tenant)
    const known = this.#states.get(tenant) ?? new SecurityState(this.now, settings)
    this.#states.set(tenant, known)
    return known
  }

  #source(tenant: string) {
    return {
      security: async (since: number): Promise<SecuritySnapshot | null> => {
        if (this.fails) throw new ObjectCallError(new Error('Cluster does not answer'))
        return since === this.#version ? null : this.#snapshot()
      },
      scramLikeness: async (): Promise<ScramLikeness> => {
        if (this.fails) throw new ObjectCallError(new Error('Cluster does not answer'))
        const iterations = [...this.#users.values()].map((one) => one.iterations)
        const inUse = iterations.map((one) => [one, 1] as const)
        return { clusterId: tenant, iterations: { 1: inUse, 2: [] } }
      },
      scramCredential: async (name: string, mechanism: number) => {
        if (this.fails) throw new ObjectCallError(new Error('Cluster does not answer'))
        this.asked++
        const kept = this.#users.get(`${tenant}/${name}`) ?? null
        return mechanism === ScramMechanism.SCRAM_SHA_256 ? kept : null
      },
    }
  }

  /** Lets time pass, for everybody. */
  pass(ms: number): void {
    this.#aheadMs += ms
  }

  /** Gives a user a password, or another one. */
  async setUser(name: string, password: string, tenant = DEFAULT_TENANT): Promise<void> {
    this.#users.set(
      `${tenant}/${name}`,
      await credentialOfPassword('SCRAM-SHA-256', password, 4096),
    )
    this.#changed()
    this.#usersVersion = this.#version
  }

  deleteUser(name: string): void {
    this.#users.delete(`${DEFAULT_TENANT}/${name}`)
    this.#changed()
    this.#usersVersion = this.#version
  }

  allow(principal: string, { operation, resource }: Word, name: string, isPrefix = false): void {
    this.#rule(principal, operation, resource, name, Permission.ALLOW, isPrefix)
  }

  deny(principal: string, { operation, resource }: Word, name: string): void {
    this.#rule(principal, operation, resource, name, Permission.DENY, false)
  }

  clearRules(): void {
    this.#acls = []
    this.#changed()
  }

  /** Asks the application. */
  async ask(method: string, path: string, { headers, body, base }: Asking = {}): Promise<Answer> {
    const response = await this.fetch(method, path, {
      ...(headers === undefined ? {} : { headers }),
      ...(base === undefined ? {} : { base }),
      body,
    })
    const text = await response.text()
    const isJson = (response.headers.get('content-type') ?? '').includes('json')
    const { status, headers: told } = response
    return { status, headers: told, text, body: isJson ? JSON.parse(text) : null }
  }

  /** As ask, with the answer unread. */
  async fetch(
    method: string,
    path: string,
    { headers = {}, body, base = 'http://localhost:8080' }: Asking = {},
  ): Promise<Response> {
    const isText = typeof body === 'string'
    const init: RequestInit = {
      method,
      headers: { ...(body === undefined || isText ? {} : JSON_BODY), ...headers },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    }
    return this.#app.fetch(new Request(`${base}${path}`, init))
  }

  #rule(
    principal: string,
    operation: keyof typeof Operation,
    resource: keyof typeof Resource,
    resourceName: string,
    permissionType: Permission,
    isPrefix: boolean,
  ): void {
    this.#acls.push({
      principal,
      operation: Operation[operation],
      resourceType: Resource[resource],
      resourceName,
      permissionType,
      host: '*',
      patternType: isPrefix ? PatternType.PREFIXED : PatternType.LITERAL,
    })
    this.#changed()
  }

  #changed(): void {
    this.#version += 1
    for (const state of this.#states.values()) state.changed()
  }

  #snapshot(): SecuritySnapshot {
    return {
      version: this.#version,
      usersVersion: this.#usersVersion,
      aclsVersion: this.#version,
      quotasVersion: 0,
      acls: [...this.#acls],
      quotas: [],
    }
  }
}

const JSON_BODY = { 'content-type': 'application/json' }

export const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})
export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
export const ADMIN = bearer(SECRET)
