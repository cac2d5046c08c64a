// The names that both ends of `/v1/live` know beside its messages (messages.ts, which a start must not load).

/** The WebSocket subprotocol. */
export const LIVE_PROTOCOL = 'ottla.v1'

/** Texts that are no messages: who gets PING answers PONG. Both ends may ask. */
export const PING = 'ping'
export const PONG = 'pong'
