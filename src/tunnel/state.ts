// What of a tunnel outlives the object that hosts it: plain data attached to its WebSocket, at most 16 KiB, so that
// the object may go to sleep between two requests. Not how a tunnel works: session.ts.

import type { ConnectionState } from '../broker/connection.ts'
import type { Endpoint } from '../broker/context.ts'
import type { LoginState } from '../broker/login.ts'

/** Bytes of either direction since the tunnel began, where the client counts too (core/tunnel-protocol.ts). */
export interface TunnelCounts {
  readonly sent: number
  readonly acked: number
  readonly used: number
  readonly said: number
}

/** See the head of this file. */
export interface TunnelState {
  readonly version: 2
  /** What its clients are told to connect to. */
  readonly advertised: Endpoint
  /** As BrokerContext has it. */
  readonly clientHost: string
  /** Whose clients it is for: of a host, or of who has opened it; not there for main, where a login says it. */
  readonly tenant?: string | undefined
  /** socket.request.max.bytes when the tunnel began. */
  readonly maxRequestBytes: number
  /** null: the client counts nothing. */
  readonly counts: TunnelCounts | null
  /** null while something is under way: if the object ends now, an answer is lost. */
  readonly connection: ConnectionState | null
  /** When the client was last heard of, `ping`s aside. */
  readonly seenMs: number
}

/** The state of a tunnel that begins. @param login of a client who has said who they are by the upgrade */
export function newTunnel(
  about: Pick<TunnelState, 'advertised' | 'clientHost' | 'tenant' | 'maxRequestBytes' | 'seenMs'>,
  isCounted: boolean,
  login: LoginState | null,
): TunnelState {
  return {
    version: 2,
    ...about,
    counts: isCounted ? { sent: 0, acked: 0, used: 0, said: 0 } : null,
    connection: { partial: new Uint8Array(0), login },
  }
}

/** What was attached, or null when it is not of this version: then nobody knows where the tunnel was. */
export function readState(attachment: unknown): TunnelState | null {
  if (typeof attachment !== 'object' || attachment === null) return null
  return Reflect.get(attachment, 'version') === 2 ? (attachment as TunnelState) : null
}
