// One Kafka connection without its socket: bytes in, answers out. Frames, decodes, keeps the order
// that Kafka's muted channel gives, bounds what is in flight. Knows neither TCP nor WebSocket; its
// state between requests serialises (CONNECTION_STATE_BYTES), so that a tunnel may hibernate.

import { discard } from '../core/bytes.ts'
import { CONNECTION_STATE_BYTES, REQUESTS_IN_FLIGHT } from '../core/limits.ts'
import {
  decodeRequest,
  decodeRequestHeader,
  encodeResponse,
  type RequestHeader,
} from '../protocol/codec.ts'
import type { AnyApi } from '../protocol/schema.ts'
import type { ApiTable } from './api-table.ts'
import { type BrokerContext, CloseConnection } from './context.ts'
import { counts } from './counts.ts'
import { type Frame, FrameReader } from './frames.ts'
import { answerUnknownVersion } from './handlers/api-versions.ts'

/** What survives hibernation: plain data for structured clone. */
export interface ConnectionState {
  /** The beginning of a frame that has not arrived whole. */
  readonly partial: Uint8Array
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
}

/** See the head of this file. `receive` and `outgoing` are two loops of one host. */
export class Connection {
  readonly #apis: ApiTable
  readonly #context: BrokerContext
  readonly #frames: FrameReader
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
    this.#slots.push({ ready: true, pieces: [], failure, sent: undefined })
    this.#wakeOutgoing()
  }

  /** Ends everything now and gives memory back. Appends already sent to their leaders go on there. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#frames.close()
    for (const slot of this.#slots.splice(0)) if (slot.ready) slot.sent?.()
    this.#wakeOutgoing()
    this.#wakeInput()
  }

  /** True when an incomplete frame holds memory that others wait for. */
  get stalled(): boolean {
    return this.#frames.stalled
  }

  /** Serialisable state; null while requests are in flight or a partial frame is too large for it. */
  state(): ConnectionState | null {
    if (this.#slots.length > 0) return null
    if (this.#frames.heldBytes > CONNECTION_STATE_BYTES / 2) return null
    return { partial: this.#restored ?? this.#frames.held() }
  }

  /** Starts a request in its turn; resolves when it has taken effect. */
  #start(frame: Frame): Promise<void> | undefined {
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
    counts.addRequest(served.api.name)
    const call = { version: header.apiVersion, clientId: header.clientId }
    if (served.handle.kind === 'ordered') {
      const response = served.handle.run(request, call, this.#context)
      return this.#answer(header, served.api, frame, response, undefined)
    }
    const handling = served.handle.run(request, call, this.#context)
    if (handling.appends) this.#appends++
    const answered = this.#answer(header, served.api, frame, handling.response, handling.sent)
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
    this.#slots.push({ ready: true, pieces: answer, failure: undefined, sent: undefined })
    this.#wakeOutgoing()
    return Promise.resolve()
  }

  /** Keeps the answer's place; resolves when it is ready, however it ended. */
  async #answer(
    header: RequestHeader,
    api: AnyApi,
    frame: Frame,
    response: Promise<object | null>,
    sent: (() => void) | undefined,
  ): Promise<void> {
    const slot: Slot = { ready: false, pieces: [], failure: undefined, sent }
    this.#slots.push(slot)
    try {
      const body = await response
      if (body !== null) {
        counts.addErrors(api, body)
        slot.pieces = encodeResponse(api, header.apiVersion, header.correlationId, body)
      }
    } catch (failure) {
      slot.failure = failure ?? new Error('a handler failed')
      if (!(failure instanceof CloseConnection)) {
        counts.add(`errors|${api.name}|UNKNOWN_SERVER_ERROR`)
      }
    }
    endFrame(frame)
    slot.ready = true
    if (this.#closed) slot.sent?.()
    else if (this.#slots[0] === slot) this.#wakeOutgoing()
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
