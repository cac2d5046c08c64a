// What a connection is to this client, whichever WebSocket makes it.

/** The subprotocol spoken. */
export const LIVE_PROTOCOL = 'ottla.v1'

/** One connection. */
export interface Socket {
  send(text: string): void
  close(): void
  /** False: this socket alone does not keep Node alive. */
  hold?(held: boolean): void
}

/** What a connection tells. `closed` comes once, and last. */
export interface SocketEvents {
  message(text: string): void
  closed(): void
}

/** Opens a connection. */
export type Dial = (url: string, token: string | undefined, events: SocketEvents) => Socket
