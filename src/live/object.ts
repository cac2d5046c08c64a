// The Durable Object that hosts sessions of `/v1/live`: WebSockets, alarm and sleep are the platform's, everything
// else is host.ts and session.ts. It stores nothing but its alarm: what is to survive its sleep is attached to
// the sockets.

import { DurableObject } from 'cloudflare:workers'
import type { WorkerEnv } from '../broker/isolate.ts'
import { LIVE_SWEEP_MS } from '../core/limits/live.ts'
import { CLIENT_HEADER, IDENTITY_HEADER } from './headers.ts'
import type { LiveHost } from './host.ts'
import { LIVE_PROTOCOL, PING, PONG } from './protocol.ts'

/**
 * One shard of the sessions of `/v1/live`. It sleeps, and costs no duration, while its clients only produce now and
 * then, or have granted nothing: `ping`s are answered without waking it. A subscription that waits for records, or a
 * member of a group, keeps it awake, once for all sessions of the shard.
 */
export class Live extends DurableObject<WorkerEnv> {
  #host: LiveHost | null = null
  #loading: Promise<LiveHost> | null = null

  constructor(ctx: DurableObjectState, env: WorkerEnv) {
    super(ctx, env)
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG))
  }

  /** Takes an upgrade of the Worker (http/routes/live.ts): 101, or 503 when there are too many. */
  override async fetch(request: Request): Promise<Response> {
    const host = this.#host ?? (await this.#load())
    if (!host.mayOpen(this.ctx.getWebSockets().length)) return new Response(null, { status: 503 })
    if ((await this.ctx.storage.getAlarm()) === null) await this.#lookLater()
    // Nothing may come between: a client's first message finds its session.
    const [client, socket] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket]
    this.ctx.acceptWebSocket(socket)
    const { headers: told } = request
    host.open(socket, told.get(CLIENT_HEADER) ?? '/', told.get(IDENTITY_HEADER))
    const asked = told.has('sec-websocket-protocol')
    const headers = asked ? { 'sec-websocket-protocol': LIVE_PROTOCOL } : {}
    return new Response(null, { status: 101, webSocket: client, headers })
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    // While it is loaded, messages wait for the same promise, and so go on in their order.
    const host = this.#host ?? (await this.#load())
    host.receive(socket, message)
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    await (this.#host ?? (await this.#load())).closed(socket)
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    await (this.#host ?? (await this.#load())).closed(socket)
  }

  /** Finds clients that are gone, takes up sessions again should the object have ended, and looks again later. */
  override async alarm(): Promise<void> {
    const host = this.#host ?? (await this.#load())
    await host.endDenied()
    const left = this.ctx.getWebSockets().filter((socket) => {
      const pinged = this.ctx.getWebSocketAutoResponseTimestamp(socket)
      return host.look(socket, pinged?.getTime() ?? 0)
    })
    host.count()
    if (left.length > 0) await this.#lookLater()
  }

  async #lookLater(): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now() + LIVE_SWEEP_MS)
  }

  /** The sessions of an object that was made anew all go on with its first event. */
  #load(): Promise<LiveHost> {
    this.#loading ??= import('./host.ts').then(({ LiveHost }) => {
      this.#host = new LiveHost(this.env, this.ctx.id.name ?? 'live')
      this.#host.resume(this.ctx.getWebSockets())
      return this.#host
    })
    return this.#loading
  }
}
