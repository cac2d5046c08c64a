// One Kafka connection without its socket: bytes in, answers out. Frames, decodes, keeps the order
// that Kafka's muted channel gives, bounds what is in flight. Knows neither TCP nor WebSocket; its
// state between requests serialises (CONNECTION_STATE_BYTES), so that a tunnel may hibernate.

import { discard } from '../core/bytes.ts'
import {
  CONNECTION_STATE_BYTES,
  REQUESTS_IN_FLIGHT,
  SMALL_BYTES,
  STALLED_CONNECTION_MS,
} from '../core/limits.ts'
import {
  decodeRequest,
  decodeRequestHeader,
  encodeResponse,
  type RequestHeader,
} from '../protocol/codec.ts'
import type { AnyApi } from '../protocol/schema.ts'
import type { ApiTable, ServedApi } from './api-table.ts'
import type { AuditLog } from './audit.ts'
import { auditedAnswer, isChange } from './audited.ts'
import type { Call } from './call.ts'
import { type Charge, Charges, within } from './charges.ts'
import { type BrokerContext, CloseConnection, type Handling } from './context.ts'
import { type Frame, FrameReader } from './frames.ts'
import { answerUnknownVersion } from './handlers/api-versions.ts'
import { Login, type LoginState } from './login.ts'

/** What survives hibernation: plain data for structured clone. */
export interface ConnectionState {
  /** The beginning of a frame that has not arrived whole. */
  readonly partial: Uint8Array
  /** Null where nobody is asked who they are, and of a connection that begins. */
  readonly login: LoginState | null
}

/** Bytes for the socket, in order. */
export interface Outgoing {
  readonly pieces: readonly Uint8Array[]
  /** To be called when the socket has taken them, or never will. */
  readonly sent: () => void
}

/** A request whose answer has its place in the order. */
interface Slot {
  ready: boolean
  pieces: readonly Uint8Array[]
  failure: unknown
  readonly sent: (() => void) | undefined
  /** The request, whose memory is held until it is answered. Null when it holds none. */
  readonly frame: Frame | null
  /** From when on it may not wait for news while others wait for its memory; never for what is being done. */
  readonly parkedUntilMs: number
}

const ANSWERED: Slot = {
  ready: true,
  pieces: [],
  failure: undefined,
  sent: undefined,
  frame: null,
  parkedUntilMs: Number.POSITIVE_INFINITY,
}

/** See the head of this file. `receive` and `outgoing` are two loops of one host. */
export class Connection {
  readonly #apis: ApiTable
  #context: BrokerContext
  readonly #frames: FrameReader
  readonly #login: Login | null
  #charges: Charges
  readonly #slots: Slot[] = []
  #appends = 0
  #closed = false
  #finished = false
  #outgoingWaiter: (() => void) | null = null
  #inputWaiter: (() => void) | null = null

  /** @param maxRequestBytes socket.request.max.bytes */
  constructor(
    apis: ApiTable,
    context: BrokerContext,
    maxRequestBytes: number,
    state?: ConnectionState,
  ) {
    this.#apis = apis
    this.#context = context
    this.#frames = new FrameReader(context.budget, context.timers, maxRequestBytes)
    if (state !== undefined) this.#restored = state.partial
    const { authentication } = context
    this.#login =
      authentication && new Login(apis, authentication, context, state?.login ?? undefined)
    this.#frames.bound(this.#login?.frameBounds ?? null)
    if (this.#login !== null) this.#context = this.#login.context
    this.#charges = new Charges(this.#context)
  }

  /** What its requests are served by: another one once its client has logged in to another tenant. */
  get context(): BrokerContext {
    return this.#context
  }

  #restored: Uint8Array | null = null

  /**
   * Takes bytes as they came. Resolves when they are used up, which is when more may be read: waiting
   * for memory, for room among the requests in flight or for an earlier request is back-pressure.
   * @throws CloseConnection when the connection must end: not Kafka, unknown API or version,
   *   malformed. Hand it to fail(), so that what was asked before is answered first.
   */
  async receive(chunk: Uint8Array): Promise<void> {
    const start = (frame: Frame) => this.#start(frame)
    if (this.#restored !== null) {
      const restored = this.#restored
      this.#restored = null
      await this.#frames.feed(restored, start)
    }
    await this.#frames.feed(chunk, start)
  }

  /**
   * The answers that are ready, in request order; waits for the first one. Null when the connection
   * is closed, or finished and all is answered.
   * @throws what a handler threw when its turn came: the connection must end
   */
  async outgoing(): Promise<Outgoing | null> {
    while (!this.#closed) {
      if (this.#slots[0]?.ready) return this.#takeReady()
      if (this.#finished && this.#slots.length === 0) return null
      await new Promise<void>((resolve) => {
        this.#outgoingWaiter = resolve
      })
    }
    return null
  }

  /** No more input will come; outgoing() ends after the last answer. */
  finish(): void {
    this.#finished = true
    this.#wakeOutgoing()
  }

  /** The input is at fault: outgoing() throws this when what came before has been answered. */
  fail(failure: unknown): void {
    this.#slots.push({ ...ANSWERED, failure })
    this.#wakeOutgoing()
  }

  /** Ends everything now and gives memory back. Appends already sent to their leaders go on there. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#frames.close()
    // Those not answered may never be: their context can end with the connection.
    for (const slot of this.#slots.splice(0)) {
      slot.sent?.()
      if (slot.frame !== null) endFrame(slot.frame)
    }
    this.#wakeOutgoing()
    this.#wakeInput()
  }

  /** True when an incomplete frame, or a request that waits for news, holds memory that others wait for. */
  get stalled(): boolean {
    return this.#frames.stalled || this.#slots.some((slot) => this.#isStalled(slot))
  }

  #isStalled({ ready, frame, parkedUntilMs }: Slot): boolean {
    if (ready || frame?.memory == null) return false
    const { budget, timers } = this.#context
    const isSmall = frame.memory.bytes <= SMALL_BYTES
    const pool = isSmall ? budget.smallFrames : budget.largeFrames
    return pool.contended && timers.now() > parkedUntilMs
  }

  /** True when the client has had its time to log in and has not. */
  get isLoginOverdue(): boolean {
    return this.#login?.isOverdue ?? false
  }

  /**
   * Serialisable state; null while requests are in flight, in the middle of a login, or while a partial frame is
   * too large for it.
   */
  state(): ConnectionState | null {
    if (this.#slots.length > 0 || this.#charges.mutedMs > 0) return null
    if (this.#frames.heldBytes > CONNECTION_STATE_BYTES / 2) return null
    const login = this.#login?.state() ?? null
    if (this.#login !== null && login === null) return null
    return { partial: this.#restored ?? this.#frames.held(), login }
  }

  /** Starts a request in its turn; resolves when it has taken effect. */
  #start(frame: Frame): Promise<void> | undefined {
    const login = this.#login
    if (login !== null && !login.admits(frame.bytes)) return this.#logIn(login, frame)
    try {
      return this.#begin(frame)
    } catch (error) {
      // Nobody else knows of its memory: without this, garbage would use up what all connections share.
      endFrame(frame)
      throw error
    }
  }

  #begin(frame: Frame): Promise<void> | undefined {
    if (this.#charges.mutedMs > 0) return this.#startUnmuted(frame)
    if (this.#slots.length >= REQUESTS_IN_FLIGHT)
      return this.#startLater(frame, () => this.#hasRoom())
    const header = decodeRequestHeader(frame.bytes)
    const served = this.#apis.get(header.apiKey)
    if (served === undefined) throw new CloseConnection(`API key ${header.apiKey} is not served`)
    if (served.handle.kind === 'ordered' && this.#appends > 0) {
      return this.#startLater(frame, () => this.#appends === 0)
    }
    if (header.apiVersion < served.api.versions[0] || header.apiVersion > served.api.versions[1]) {
      return this.#refuseVersion(header, frame)
    }
    const request = decodeRequest(served.api, header.apiVersion, header.reader)
    this.#context.counts.addRequest(served.api.name)
    const call = { version: header.apiVersion, clientId: header.clientId }
    const charge = this.#charges.begin(served.api.key, header.clientId, frame.bytes.length)
    if (charge === null) return this.#run(served, header, request, call, frame, null)
    const effect = this.#run(served, header, request, call, frame, charge)
    // In the same turn, where there is nothing to wait for: calls that leave in one turn go as one (runtime/joined.ts).
    return effect === undefined && this.#charges.mutedMs === 0 ? undefined : this.#unmuted(effect)
  }

  #run(
    served: ServedApi,
    header: RequestHeader,
    request: object,
    call: Call,
    frame: Frame,
    charge: Charge | null,
  ): Promise<void> | undefined {
    if (charge !== null && charge.instead !== null) {
      const response = Promise.resolve(charge.instead)
      return this.#answer(header, served.api, frame, request, { response, appends: true }, charge)
    }
    if (served.handle.kind === 'ordered') {
      const response = served.handle.run(request, call, this.#context)
      if (charge !== null) this.#charges.worked(charge, charge.beganMs)
      return this.#answer(header, served.api, frame, request, { response, appends: true }, charge)
    }
    const asked = charge === null ? request : within(charge, request)
    const handling = served.handle.run(asked, call, this.#context)
    if (charge !== null) this.#charges.worked(charge, charge.beganMs)
    if (handling.appends) this.#appends++
    const answered = this.#answer(header, served.api, frame, request, handling, charge)
    if (handling.appends) {
      void answered.then(() => {
        if (--this.#appends === 0) this.#wakeInput()
      })
    }
    if (handling.appends) {
      // Every batch has been copied on its way to its leader.
      if (handling.effect === undefined) discardFrame(frame)
      else return handling.effect.then(() => discardFrame(frame))
    }
    return handling.effect
  }

  /** What belongs to a login: one message at a time, each answered before the next is looked at. */
  async #logIn(login: Login, frame: Frame): Promise<void> {
    const slot: Slot = { ...ANSWERED, ready: false, frame: frame.memory === null ? null : frame }
    this.#slots.push(slot)
    try {
      const { pieces, close } = await login.take(frame.bytes)
      slot.pieces = pieces
      // Behind the answer: whoever receives() for us makes us fail.
      if (close !== null) throw close
      this.#frames.bound(login.frameBounds)
      this.#enter(login.context)
    } finally {
      endFrame(frame)
      slot.ready = true
      if (this.#slots[0] === slot) this.#wakeOutgoing()
    }
  }

  /** What was asked before is answered by what it was asked of. */
  #enter(context: BrokerContext): void {
    if (context === this.#context) return
    this.#context = context
    this.#charges = new Charges(context)
  }

  /** As Kafka's muted channel: the effect, and then nothing more for as long as the client was told. */
  async #unmuted(effect: Promise<void> | undefined): Promise<void> {
    await effect
    for (
      let left = this.#charges.mutedMs;
      left > 0 && !this.#closed;
      left = this.#charges.mutedMs
    ) {
      let cancel = () => {}
      await new Promise<void>((resolve) => {
        this.#inputWaiter = resolve
        cancel = this.#context.timers.after(left, resolve)
      })
      cancel()
    }
  }

  async #startUnmuted(frame: Frame): Promise<void> {
    await this.#unmuted(undefined)
    if (this.#closed) endFrame(frame)
    else await this.#start(frame)
  }

  #hasRoom(): boolean {
    return this.#slots.length < REQUESTS_IN_FLIGHT
  }

  async #startLater(frame: Frame, may: () => boolean): Promise<void> {
    while (!may() && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#inputWaiter = resolve
      })
    }
    if (this.#closed) endFrame(frame)
    else await this.#start(frame)
  }

  #refuseVersion(header: RequestHeader, frame: Frame): Promise<void> {
    const answer = answerUnknownVersion(this.#apis, header)
    if (answer === null) {
      throw new CloseConnection(
        `version ${header.apiVersion} of API key ${header.apiKey} is not served`,
      )
    }
    endFrame(frame)
    this.#slots.push({ ...ANSWERED, pieces: answer })
    this.#wakeOutgoing()
    return Promise.resolve()
  }

  /** Keeps the answer's place; resolves when it is ready, however it ended. */
  async #answer(
    header: RequestHeader,
    api: AnyApi,
    frame: Frame,
    request: object,
    { response, sent, appends }: Pick<Handling<object>, 'response' | 'sent' | 'appends'>,
    charge: Charge | null,
  ): Promise<void> {
    const context = this.#context
    const isCounted = frame.memory !== null
    const slot: Slot = {
      ready: false,
      pieces: [],
      failure: undefined,
      sent,
      frame: isCounted ? frame : null,
      parkedUntilMs:
        isCounted && !appends
          ? context.timers.now() + STALLED_CONNECTION_MS
          : Number.POSITIVE_INFINITY,
    }
    this.#slots.push(slot)
    try {
      const body = await response
      if (body !== null) {
        const isDenied = context.counts.addErrors(api, body)
        const { audit } = context
        if (audit !== null && (isDenied || isChange(api.name))) {
          await writeDown(audit, context, api.name, header, request, body)
        }
        const sinceMs = charge === null ? 0 : context.timers.now()
        slot.pieces = encodeResponse(api, header.apiVersion, header.correlationId, body)
        if (charge !== null) this.#charges.worked(charge, sinceMs)
      }
      if (charge !== null) slot.pieces = this.#charged(charge, slot.pieces, header, api, body)
    } catch (failure) {
      slot.failure = failure ?? new Error('a handler failed')
      if (!(failure instanceof CloseConnection)) {
        context.counts.add(`errors|${api.name}|UNKNOWN_SERVER_ERROR`)
      }
    }
    endFrame(frame)
    slot.ready = true
    if (this.#closed) slot.sent?.()
    else if (this.#slots[0] === slot) this.#wakeOutgoing()
  }

  /** The answer of a client with quotas: it says how long the client is left alone. */
  #charged(
    charge: Charge,
    pieces: readonly Uint8Array[],
    { apiVersion, correlationId }: RequestHeader,
    api: AnyApi,
    body: object | null,
  ): readonly Uint8Array[] {
    const told = body === null ? 0 : Number(Reflect.get(body, 'throttleTimeMs') ?? 0)
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
    const throttleTimeMs = this.#charges.settle(charge, bytes, told)
    if (body === null || throttleTimeMs === told) return pieces
    return encodeResponse(api, apiVersion, correlationId, { ...body, throttleTimeMs })
  }

  #takeReady(): Outgoing {
    const taken: Slot[] = []
    while (this.#slots[0]?.ready) {
      const slot = this.#slots[0]
      if (slot.failure !== undefined) {
        if (taken.length > 0) break
        throw slot.failure
      }
      this.#slots.shift()
      taken.push(slot)
      if (slot.sent !== undefined) break
    }
    this.#wakeInput()
    return {
      pieces: taken.flatMap((slot) => slot.pieces),
      sent: () => {
        for (const slot of taken) slot.sent?.()
      },
    }
  }

  #wakeOutgoing(): void {
    const wake = this.#outgoingWaiter
    this.#outgoingWaiter = null
    wake?.()
  }

  #wakeInput(): void {
    const wake = this.#inputWaiter
    this.#inputWaiter = null
    wake?.()
  }
}

/** A large frame's memory goes back at once; a small one is a view of the read buffer. */
function endFrame(frame: Frame): void {
  discardFrame(frame)
  frame.memory?.release()
}

function discardFrame({ bytes, memory }: Frame): void {
  if (memory !== null) discard(bytes)
}

/** A change is answered when it is written down durably. */
async function writeDown(
  audit: AuditLog,
  context: BrokerContext,
  api: string,
  { clientId }: RequestHeader,
  request: object,
  answer: object,
): Promise<void> {
  const said = auditedAnswer(api, answer, request)
  if (said === null) return
  const { access, clientHost } = context
  const who = { principal: access.principal, host: clientHost.replace(/^\//, ''), clientId }
  const event = { ...said, api, ...who }
  if (isChange(api)) await audit.tell(event, context)
  else audit.note(event, context)
}
