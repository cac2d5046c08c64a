// How a Kafka connection says who it is, as Apache Kafka's SaslServerAuthenticator has it: ApiVersions, SaslHandshake,
// then the messages of a mechanism, in SaslAuthenticate or (handshake version 0) without headers; once logged in,
// again before the login ends (KIP-368). Takes whole frames and answers with whole ones. Not the mechanisms (security/),
// not whether a password is right (authentication.ts), not the order of answers (connection.ts).

import { KafkaError } from '../core/errors.ts'
import { DEFAULT_TENANT } from '../core/ids.ts'
import { LOGIN_AGAIN_MS, LOGIN_MS } from '../core/limits/authentication.ts'
import { REQUEST_MIN_BYTES } from '../core/limits.ts'
import {
  decodeRequest,
  decodeRequestHeader,
  encodeResponse,
  isServed,
  type OpenedRequest,
} from '../protocol/codec.ts'
import { ApiVersions } from '../protocol/messages/api-versions.ts'
import { SaslAuthenticate } from '../protocol/messages/sasl-authenticate.ts'
import { SaslHandshake } from '../protocol/messages/sasl-handshake.ts'
import type { Exchange, Step } from '../security/exchange.ts'
import { type Principal, principalOf, userOf } from '../security/principal.ts'
import type { Mechanism, SaslSettings } from '../security/sasl-settings.ts'
import type { ApiTable } from './api-table.ts'
import {
  type Authentication,
  type BrokerContext,
  CloseConnection,
  LoginRefused,
} from './context.ts'
import { versionsFrame } from './handlers/api-versions.ts'

/** What survives hibernation. */
export interface LoginState {
  readonly phase: 'start' | 'versioned' | 'open'
  /** Null where nobody has logged in: nobody yet, or ANONYMOUS. */
  readonly done: LoggedIn | null
}

interface LoggedIn {
  readonly principal: Principal
  /** Not there: main, as of what was kept before there were others. */
  readonly tenant?: string
  /** Null: by what opened the tunnel, which lasts as long as that. */
  readonly mechanism: Mechanism | null
  readonly expiresAtMs: number | null
  readonly beganAtMs: number
}

/** Bytes for the client, and whether the connection ends behind them. */
export interface LoginAnswer {
  readonly pieces: readonly Uint8Array[]
  readonly close: CloseConnection | null
}

interface Attempt {
  readonly mechanism: Mechanism
  readonly hasHeaders: boolean
  /** Null: it is refused whatever comes, because the mechanism is another one than before. */
  readonly exchange: Exchange | null
}

/** See the head of this file. */
export class Login {
  readonly #apis: ApiTable
  readonly #authentication: Authentication
  readonly #sasl: SaslSettings
  #context: BrokerContext
  #phase: LoginState['phase']
  #done: LoggedIn | null
  #attempt: Attempt | null = null
  #deadlineMs: number

  /** @param state of a connection that goes on where it was, or whose client is known already */
  constructor(
    apis: ApiTable,
    authentication: Authentication,
    context: BrokerContext,
    state?: LoginState,
  ) {
    this.#apis = apis
    this.#authentication = authentication
    this.#sasl = authentication.authenticator.sasl
    this.#context = context
    this.#phase = state?.phase ?? (authentication.allowAnonymous ? 'open' : 'start')
    this.#done = state?.done ?? null
    this.#deadlineMs = context.timers.now() + LOGIN_MS
    if (this.#done !== null) this.#identify(this.#done)
  }

  /** What the connection's requests are served by: another one for who has logged in to another tenant. */
  get context(): BrokerContext {
    return this.#context
  }

  #identify({ principal, tenant = DEFAULT_TENANT }: LoggedIn): void {
    this.#context = this.#authentication.contextOf(tenant)
    this.#context.authentication?.identify(principal)
  }

  /**
   * Of one who has proved who they are before the connection began: by what opened a tunnel. It lasts no longer than any
   * other login. @param maxReauthMs connections.max.reauth.ms; 0: no end
   */
  static known(
    who: Pick<LoggedIn, 'principal' | 'tenant' | 'expiresAtMs'>,
    nowMs: number,
    maxReauthMs: number,
  ): LoginState {
    const expiresAtMs = earlier(maxReauthMs > 0 ? nowMs + maxReauthMs : null, who.expiresAtMs)
    return { phase: 'open', done: { ...who, expiresAtMs, mechanism: null, beganAtMs: nowMs } }
  }

  /** Whether this request may go to its handler; otherwise it is for `take`. */
  admits(frame: Uint8Array): boolean {
    if (this.#phase !== 'open' || this.#attempt !== null) return false
    const expiresAtMs = this.#done?.expiresAtMs ?? null
    const isHandshake = frame[0] === 0 && frame[1] === SaslHandshake.key
    if (expiresAtMs === null && !isHandshake) return true
    const nowMs = this.#context.timers.now()
    if (isHandshake) return !this.#mayBegin(nowMs)
    return expiresAtMs === null || nowMs <= expiresAtMs
  }

  /** Who has logged in does so again where the login ends, or where it is not their own. At most once a second. */
  #mayBegin(nowMs: number): boolean {
    if (this.#done === null || this.#done.mechanism === null) return true
    return this.#done.expiresAtMs !== null && nowMs - this.#done.beganAtMs >= LOGIN_AGAIN_MS
  }

  /** Bounds of the frames that may come now; null: those of any request. */
  get frameBounds(): { readonly min: number; readonly max: number } | null {
    if (this.#attempt?.hasHeaders === false) return { min: 0, max: this.#sasl.requestMaxBytes }
    if (this.#done !== null || this.#phase === 'open') return null
    return { min: REQUEST_MIN_BYTES, max: this.#sasl.requestMaxBytes }
  }

  /** The client has had the time that logging in may take. */
  get isOverdue(): boolean {
    const isWaited = this.#phase !== 'open' || this.#attempt !== null
    return isWaited && this.#context.timers.now() > this.#deadlineMs
  }

  /** Null while the messages of a mechanism are being exchanged. */
  state(): LoginState | null {
    return this.#attempt === null ? { phase: this.#phase, done: this.#done } : null
  }

  /**
   * Takes a request that is not admitted.
   * @throws CloseConnection for what Kafka answers by closing
   */
  async take(frame: Uint8Array): Promise<LoginAnswer> {
    const attempt = this.#attempt
    if (attempt?.hasHeaders === false) return this.#rawMessage(attempt, frame)
    const request = decodeRequestHeader(frame)
    if (attempt !== null) return this.#message(attempt, request)
    if (request.apiKey === SaslHandshake.key) return this.#handshake(request)
    if (this.#phase === 'open') throw new CloseConnection('the login has ended: log in again')
    if (request.apiKey !== ApiVersions.key) {
      throw new CloseConnection(
        `API key ${request.apiKey} before a login: this broker asks for one by ${this.#sasl.mechanisms.join(', ')} (security.protocol=SASL_PLAINTEXT)`,
      )
    }
    if (this.#phase !== 'start') throw new CloseConnection('ApiVersions twice before a login')
    const { pieces, isGood } = await versionsFrame(this.#apis, request, this.#context)
    if (isGood) this.#phase = 'versioned'
    return { pieces, close: null }
  }

  async #handshake(request: OpenedRequest): Promise<LoginAnswer> {
    const { apiVersion, correlationId, reader } = request
    if (!isServed(SaslHandshake, apiVersion)) {
      throw new CloseConnection(`version ${apiVersion} of SaslHandshake is not served`)
    }
    const asked = decodeRequest(SaslHandshake, apiVersion, reader).mechanism
    const { mechanisms } = this.#sasl
    const mechanism = mechanisms.find((one) => one === asked)
    const errorCode =
      mechanism === undefined ? KafkaError.UNSUPPORTED_SASL_MECHANISM : KafkaError.NONE
    const answer = { errorCode, mechanisms: [...mechanisms] }
    const pieces = encodeResponse(SaslHandshake, apiVersion, correlationId, answer)
    if (mechanism === undefined) {
      return this.#failed(pieces, 'a mechanism that is not served', asked.slice(0, 32))
    }
    const before = this.#done?.mechanism ?? mechanism
    this.#deadlineMs = this.#context.timers.now() + LOGIN_MS
    this.#attempt = {
      mechanism,
      hasHeaders: apiVersion > 0,
      exchange:
        before === mechanism ? this.#authentication.authenticator.exchange(mechanism) : null,
    }
    return { pieces, close: null }
  }

  async #message(attempt: Attempt, request: OpenedRequest): Promise<LoginAnswer> {
    const { apiKey, apiVersion, correlationId, reader } = request
    if (apiKey !== SaslAuthenticate.key) return this.#unexpected(request, attempt.mechanism)
    if (!isServed(SaslAuthenticate, apiVersion)) {
      throw new CloseConnection(`version ${apiVersion} of SaslAuthenticate is not served`)
    }
    const { authBytes } = decodeRequest(SaslAuthenticate, apiVersion, reader)
    const step = await this.#step(attempt, authBytes)
    const answer = (body: Parameters<typeof encodeResponse<typeof SaslAuthenticate>>[3]) =>
      encodeResponse(SaslAuthenticate, apiVersion, correlationId, body)
    if (step.kind === 'refused') {
      const isAgain = (this.#done?.mechanism ?? null) !== null
      const during = isAgain ? 're-authentication' : 'authentication'
      const errorMessage =
        step.message ??
        `Authentication failed during ${during} due to invalid credentials with SASL mechanism ${attempt.mechanism}`
      const errorCode = KafkaError.SASL_AUTHENTICATION_FAILED
      const pieces = answer({ errorCode, errorMessage, authBytes: NOTHING })
      return this.#failed(pieces, step.reason, attempt.mechanism, step.user)
    }
    const sessionLifetimeMs = step.kind === 'done' ? this.#loggedIn(attempt, step) : 0
    const body = { errorCode: KafkaError.NONE, errorMessage: null, authBytes: step.token }
    return { pieces: answer({ ...body, sessionLifetimeMs }), close: null }
  }

  /** As they are without Kafka's headers: only their size is before them, and who is refused is told nothing. */
  async #rawMessage(attempt: Attempt, token: Uint8Array): Promise<LoginAnswer> {
    const step = await this.#step(attempt, token)
    if (step.kind === 'refused') {
      return this.#failed([], step.reason, attempt.mechanism, step.user)
    }
    if (step.kind === 'done') this.#loggedIn(attempt, step)
    const size = new Uint8Array(4)
    new DataView(size.buffer).setInt32(0, step.token.length)
    return { pieces: [size, step.token], close: null }
  }

  async #step({ mechanism, exchange }: Attempt, token: Uint8Array): Promise<LoginStep> {
    const before = this.#done
    if (exchange === null) {
      const message = `Cannot change SASL mechanism from ${before?.mechanism} to ${mechanism} during re-authentication`
      return { kind: 'refused', reason: 'another mechanism than before', message }
    }
    let step: Step
    try {
      step = await exchange.step(token)
    } catch (error) {
      // Nobody knows whether they are who they say: to be told so would make a client give up.
      throw new CloseConnection(`a login could not be decided: ${String(error)}`)
    }
    if (step.kind !== 'done') return step
    const who = this.#authentication.authenticator.userOf(userOf(step.principal), mechanism)
    if (who === null) {
      const user = userOf(step.principal)
      return { kind: 'refused', reason: 'a name of another tenant than the host', user }
    }
    const { tenant } = who
    const done = { ...step, tenant, principal: principalOf(who.user) }
    if (before === null || before.mechanism === null) return done
    const wasTenant = before.tenant ?? DEFAULT_TENANT
    if (done.principal === before.principal && tenant === wasTenant) return done
    const from = shownPrincipal(before.principal, wasTenant)
    const to = shownPrincipal(done.principal, tenant)
    const message = `Cannot change principals during re-authentication from ${from}: ${to}`
    return { kind: 'refused', reason: 'another principal than before', message }
  }

  /** Answers how long it lasts, in milliseconds; 0: as long as the connection. */
  #loggedIn({ mechanism }: Attempt, step: LoginStep & { readonly kind: 'done' }): number {
    const nowMs = this.#context.timers.now()
    const { maxReauthMs } = this.#sasl
    const expiresAtMs = earlier(maxReauthMs > 0 ? nowMs + maxReauthMs : null, step.expiresAtMs)
    const { principal, tenant } = step
    this.#done = { principal, tenant, mechanism, expiresAtMs, beganAtMs: nowMs }
    this.#phase = 'open'
    this.#attempt = null
    this.#identify(this.#done)
    this.#context.counts.add(`logins|${mechanism}|taken`)
    return expiresAtMs === null ? 0 : Math.max(0, expiresAtMs - nowMs)
  }

  /** Something else in the middle of a login: told so where it can be, and closed. */
  async #unexpected(request: OpenedRequest, mechanism: Mechanism): Promise<LoginAnswer> {
    const { apiKey, apiVersion, correlationId } = request
    const errorCode = KafkaError.ILLEGAL_SASL_STATE
    let pieces: Uint8Array[] = []
    if (apiKey === SaslHandshake.key && isServed(SaslHandshake, apiVersion)) {
      pieces = encodeResponse(SaslHandshake, apiVersion, correlationId, {
        errorCode,
        mechanisms: [],
      })
    } else if (apiKey === ApiVersions.key && isServed(ApiVersions, apiVersion)) {
      pieces = encodeResponse(ApiVersions, apiVersion, correlationId, { errorCode, apiKeys: [] })
    }
    return this.#failed(pieces, `API key ${apiKey} in the middle of a login`, mechanism)
  }

  /** The answer comes late and the connection ends: who guesses is slowed down. */
  async #failed(
    pieces: readonly Uint8Array[],
    reason: string,
    mechanism: string,
    user?: string,
  ): Promise<LoginAnswer> {
    // A name that a client has made up is no label.
    const served = this.#sasl.mechanisms.find((one) => one === mechanism) ?? 'other'
    const named = user === undefined ? null : this.#authentication.authenticator.subjectOf(user)
    // Of who guesses at a tenant's users the tenant is to know, and nobody else.
    const context = named === null ? this.#context : this.#authentication.contextOf(named.tenant)
    context.counts.add(`logins|${served}|refused`)
    const client = this.#context.clientHost
    context.log('warn', 'login refused', {
      mechanism,
      reason,
      client,
      ...(user === undefined ? {} : { user: user.slice(0, USER_SHOWN) }),
    })
    await Promise.all([
      context.timers.sleep(this.#sasl.failureDelayMs),
      context.audit?.tell(
        {
          event: 'login-refused',
          api: SaslAuthenticate.name,
          principal: principalOf((named?.user ?? user ?? 'ANONYMOUS').slice(0, USER_SHOWN)),
          host: client.replace(/^\//, ''),
          reason: `${mechanism}: ${reason}`,
        },
        context,
      ),
    ])
    return { pieces, close: new LoginRefused('a login was refused') }
  }
}

/** As a mechanism's, of whom the tenant is known. */
type LoginStep =
  | Exclude<Step, { readonly kind: 'done' }>
  | (Step & { readonly kind: 'done'; readonly tenant: string })

/** As Kafka prints it there. */
function shownPrincipal(principal: Principal, tenant: string): string {
  const shown = tenant === DEFAULT_TENANT ? '' : `${tenant}/`
  return `User.${shown}${userOf(principal)}`
}

function earlier(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b)
}

const NOTHING = new Uint8Array(0)
/** Of a name that nobody has checked so much is logged. */
const USER_SHOWN = 100
