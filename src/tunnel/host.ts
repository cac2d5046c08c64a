// All tunnels of one object: begins them, finds those that go on after the object has slept, ends the dead ones.
// Loaded with the first of them, for the broker's handlers come with it. Not the platform: object.ts.

import { APIS } from '../broker/apis.ts'
import {
  type ConnectionLimits,
  connectionLimits,
  excessBeside,
} from '../broker/connection-limits.ts'
import {
  brokerContext,
  connectionsMax,
  countOpen,
  environmentOf,
  requestMaxBytes,
  type WorkerEnv,
} from '../broker/isolate.ts'
import { Login } from '../broker/login.ts'
import { TUNNEL_SILENT_MS, TUNNELS_PER_SHARD } from '../core/limits.ts'
import { workerLog } from '../runtime/log.ts'
import type { Principal } from '../security/principal.ts'
import { CloseCode } from './close.ts'
import type { TunnelTotals } from './outflow.ts'
import { TunnelSession, type TunnelSocket } from './session.ts'
import { newTunnel, readState, type TunnelState } from './state.ts'

/** A WebSocket as the platform keeps it for an object. */
export interface KeptSocket extends TunnelSocket {
  deserializeAttachment(): unknown
}

/** What a client says when its tunnel begins. */
export interface Beginning extends Pick<TunnelState, 'advertised' | 'clientHost' | 'tenant'> {
  /** It counts bytes (core/tunnel-protocol.ts). */
  readonly isCounted: boolean
  /** Who they have proved to be by the upgrade, and until when, where that is known. */
  readonly known: { readonly principal: Principal; readonly expiresAtMs: number | null } | null
}

/** Shared by all objects of this isolate. */
const totals: TunnelTotals = { queued: 0, untaken: 0 }

/** See the head of this file. */
export class TunnelHost {
  readonly #env: WorkerEnv
  readonly #sessions = new Map<KeptSocket, TunnelSession>()

  constructor(env: WorkerEnv) {
    this.#env = env
  }

  /** Whether there may be one more than so many. */
  mayOpen(open: number): boolean {
    return open < Math.min(TUNNELS_PER_SHARD, connectionsMax(this.#env))
  }

  /** What is known of a tunnel before its first message. */
  async prepare(beginning: Beginning): Promise<TunnelState> {
    const { advertised, clientHost, tenant, isCounted, known } = beginning
    const context = brokerContext(this.#env, beginning)
    const maxRequestBytes = await requestMaxBytes(context)
    const seenMs = Date.now()
    const maxReauthMs = context.authentication?.authenticator.sasl.maxReauthMs ?? 0
    const login = known && Login.known({ ...known, tenant: context.tenant }, seenMs, maxReauthMs)
    const about = { advertised, clientHost, tenant, maxRequestBytes, seenMs }
    return newTunnel(about, isCounted, login)
  }

  /** How many connections the broker's configuration allows. */
  limits(beginning: Beginning): Promise<ConnectionLimits> {
    return connectionLimits(brokerContext(this.#env, beginning).brokerConfig)
  }

  /** Why there may not be one more beside these, of this object; null when there may: then its address has opened one now. */
  excess(
    open: readonly KeptSocket[],
    limits: ConnectionLimits,
    beginning: Beginning,
  ): string | null {
    const { clientHost } = beginning
    const hosts = open.map(
      (socket) => readState(socket.deserializeAttachment())?.clientHost ?? clientHost,
    )
    const excess = excessBeside(hosts, limits, clientHost)
    if (excess !== null) return excess
    const { security, objects } = brokerContext(this.#env, beginning)
    const waitMs = security.connectionWaitMs(objects.cluster, clientHost)
    return waitMs > 0 ? 'too many new ones of one address (connection_creation_rate)' : null
  }

  /** Begins a tunnel, or goes on with one. */
  open(socket: KeptSocket, state: TunnelState): TunnelSession {
    const context = brokerContext(this.#env, state)
    const session = new TunnelSession(socket, APIS, context, state, totals)
    this.#sessions.set(socket, session)
    return session
  }

  /** Takes a message of a tunnel. The runtime gives the next one whether or not this one is used. */
  receive(socket: KeptSocket, message: string | ArrayBuffer): void {
    const session = this.#sessions.get(socket) ?? this.#goOn(socket)
    session?.receive(message)
  }

  /** So many tunnels are open in the object of this name: for statistics. */
  counted(name: string, open: number): Promise<void> {
    return countOpen(this.#env, 'tunnel', name, open)
  }

  /** The client has gone. */
  closed(socket: KeptSocket): void {
    this.#sessions.get(socket)?.end(CloseCode.NORMAL)
    this.#sessions.delete(socket)
  }

  /** Ends a tunnel whose client was last heard of so long ago. */
  endIfSilent(socket: KeptSocket, pingedMs: number): boolean {
    const session = this.#sessions.get(socket)
    const seenMs = session?.seenMs ?? readState(socket.deserializeAttachment())?.seenMs ?? 0
    const silentMs = Date.now() - Math.max(seenMs, pingedMs)
    if (silentMs <= TUNNEL_SILENT_MS) return false
    workerLog(environmentOf(this.#env).logLevel)('debug', 'tunnel is dead', { silentMs })
    if (session === undefined) closeQuietly(socket, CloseCode.GONE, 'silent')
    else session.end(CloseCode.GONE)
    this.#sessions.delete(socket)
    return true
  }

  /** Of other sockets nobody will hear any more. */
  forgetOthers(sockets: readonly KeptSocket[]): void {
    for (const [socket, session] of this.#sessions) {
      if (sockets.includes(socket)) continue
      session.end(CloseCode.GONE)
      this.#sessions.delete(socket)
    }
  }

  /** A tunnel that was there before this object. null: what was under way is lost, and so is the tunnel. */
  #goOn(socket: KeptSocket): TunnelSession | null {
    const state = readState(socket.deserializeAttachment())
    const { tenants } = environmentOf(this.#env)
    const isServed = [state?.tenant, state?.connection?.login?.done?.tenant].every(
      (tenant) => tenant === undefined || tenants.has(tenant),
    )
    if (state === null || state.connection === null || !isServed) {
      closeQuietly(socket, CloseCode.RESTART, 'the broker has restarted: connect again')
      return null
    }
    return this.open(socket, state)
  }
}

function closeQuietly(socket: KeptSocket, code: number, reason: string): void {
  try {
    socket.close(code, reason)
  } catch {
    // It is closed already.
  }
}
