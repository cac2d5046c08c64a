// The Durable Object that hosts tunnels: WebSockets, alarm and sleep are the platform's, everything else is
// host.ts and session.ts. It stores nothing but its alarm: what is to survive its sleep is attached to the sockets.

import { DurableObject } from 'cloudflare:workers'
import type { WorkerEnv } from '../broker/isolate.ts'
import { parseAddress } from '../core/env.ts'
import { TUNNEL_SWEEP_MS } from '../core/limits.ts'
import { ADVERTISED_HEADER, PING, PONG, TUNNEL_PROTOCOL } from '../core/tunnel-protocol.ts'
import { principalOf } from '../security/principal.ts'
import { CLIENT_HEADER, EXPIRES_HEADER, PRINCIPAL_HEADER, TENANT_HEADER } from './headers.ts'
import type { Beginning, TunnelHost } from './host.ts'

/**
 * One shard of the tunnels of `/kafka`. Between the requests of its clients it sleeps while their sockets stay open:
 * an idle producer's tunnel costs no duration, its `ping`s are answered without waking it. A consumer's long poll
 * keeps it awake, as that of any number of others does.
 */
export class Tunnel extends DurableObject<WorkerEnv> {
  #host: TunnelHost | null = null
  #loading: Promise<TunnelHost> | null = null

  constructor(ctx: DurableObjectState, env: WorkerEnv) {
    super(ctx, env)
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG))
  }

  /** Takes an upgrade of the Worker (http/routes/kafka.ts): 101, or 503 when there are too many. */
  override async fetch(request: Request): Promise<Response> {
    const host = this.#host ?? (await this.#load())
    if (!host.mayOpen(this.ctx.getWebSockets().length)) return new Response(null, { status: 503 })
    const { headers } = request
    const address = parseAddress(headers.get(ADVERTISED_HEADER) ?? '')
    if (address?.port == null) return new Response(null, { status: 400 })
    const isCounted = headers.get('sec-websocket-protocol') === TUNNEL_PROTOCOL
    const advertised = { host: address.host, port: address.port }
    const clientHost = headers.get(CLIENT_HEADER) ?? '/'
    const tenant = headers.get(TENANT_HEADER) ?? undefined
    const known = knownBy(headers)
    const beginning = { advertised, clientHost, tenant, isCounted, known }
    const state = await host.prepare(beginning)
    const limits = await host.limits(beginning)
    const { storage } = this.ctx
    if ((await storage.getAlarm({ allowConcurrency: true })) === null) await this.#lookLater()
    // Nothing may come between: of two that come at once one may be too many, and a client's first bytes find its session.
    const excess = host.excess(this.ctx.getWebSockets(), limits, beginning)
    if (excess !== null) return new Response(excess, { status: 503 })
    const [client, socket] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket]
    this.ctx.acceptWebSocket(socket)
    host.open(socket, state)
    this.#count(host)
    const protocol = isCounted ? { 'sec-websocket-protocol': TUNNEL_PROTOCOL } : {}
    return new Response(null, { status: 101, webSocket: client, headers: protocol })
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    // While it is loaded, messages wait for the same promise, and so go on in their order.
    const host = this.#host ?? (await this.#load())
    host.receive(socket, message)
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    this.#closed(socket)
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#closed(socket)
  }

  #closed(socket: WebSocket): void {
    this.#host?.closed(socket)
    if (this.#host !== null) this.#count(this.#host)
  }

  /** Nobody waits for it. */
  #count(host: TunnelHost): void {
    const name = this.ctx.id.name ?? 'tunnel'
    void host.counted(name, this.ctx.getWebSockets().length)
  }

  /** Ends the tunnels of dead clients, and looks again as long as there are any. */
  override async alarm(): Promise<void> {
    const host = this.#host ?? (await this.#load())
    const left = this.ctx.getWebSockets().filter((socket) => {
      const pinged = this.ctx.getWebSocketAutoResponseTimestamp(socket)
      return !host.endIfSilent(socket, pinged?.getTime() ?? 0)
    })
    host.forgetOthers(left)
    this.#count(host)
    if (left.length > 0) await this.#lookLater()
  }

  /** What tunnels have to say does not wait for the disk: of this write nobody is told. */
  async #lookLater(): Promise<void> {
    const options = { allowConcurrency: true, allowUnconfirmed: true }
    await this.ctx.storage.setAlarm(Date.now() + TUNNEL_SWEEP_MS, options)
  }

  #load(): Promise<TunnelHost> {
    this.#loading ??= import('./host.ts').then(({ TunnelHost }) => {
      this.#host = new TunnelHost(this.env)
      return this.#host
    })
    return this.#loading
  }
}

/** Who the Worker says that the upgrade is of. */
function knownBy(headers: Headers): Beginning['known'] {
  const principal = headers.get(PRINCIPAL_HEADER)
  const expires = headers.get(EXPIRES_HEADER)
  if (principal === null) return null
  return {
    principal: principalOf(decodeURIComponent(principal)),
    expiresAtMs: expires === null ? null : Number(expires),
  }
}
