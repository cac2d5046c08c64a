// What the two ends of a tunnel at `/kafka` agree on beside the Kafka byte stream: names of headers, and the
// text messages that bound what is under way. Neither end's behaviour: those are tunnel/ and cli/proxy/.
//
// Binary messages are the byte stream; where one ends means nothing. A client may send the text `ping`, which is
// answered `pong` without waking the object, and should at least every TUNNEL_PING_MS, because one that is
// silent for TUNNEL_SILENT_MS counts as dead. A client that asks for the subprotocol below also counts bytes: either
// end says `ack N` for the N bytes it has used since the beginning, and sends at most TUNNEL_WINDOW_BYTES that
// the other has not said so of. Without the subprotocol there are
// no `ack`s: the client's next message says that it has taken what was sent before.

/** The subprotocol of tunnels that count. */
export const TUNNEL_PROTOCOL = 'ottla.kafka.v1'

/** Header of the upgrade: `HOST:PORT` that clients of this tunnel are to be told to connect to. */
export const ADVERTISED_HEADER = 'ottla-advertised'

/** Answered by the runtime itself. */
export const PING = 'ping'
export const PONG = 'pong'

/** Of a client that counts: no more bytes will come. What was asked is answered, then the tunnel ends. */
export const END = 'end'

/** Says how many bytes have been used since the tunnel began. */
export function formatAck(bytes: number): string {
  return `ack ${bytes}`
}

/** The number in an `ack`; null for any other text. */
export function parseAck(text: string): number | null {
  const digits = /^ack (\d{1,15})$/.exec(text)?.[1]
  return digits === undefined ? null : Number(digits)
}

/** One end's count of one direction in which it sends. */
export class SendWindow {
  readonly #windowBytes: number
  #sent: number
  #acked: number

  /** @param sent and acked: where a tunnel goes on that has been parked */
  constructor(windowBytes: number, sent = 0, acked = 0) {
    this.#windowBytes = windowBytes
    this.#sent = sent
    this.#acked = acked
  }

  get sent(): number {
    return this.#sent
  }

  get acked(): number {
    return this.#acked
  }

  /** How many bytes may be sent now. */
  get room(): number {
    return Math.max(0, this.#windowBytes - (this.#sent - this.#acked))
  }

  /** So many were sent. */
  send(bytes: number): void {
    this.#sent += bytes
  }

  /** The other end has said so; false when it cannot be true. */
  ack(bytes: number): boolean {
    if (bytes < this.#acked || bytes > this.#sent) return false
    this.#acked = bytes
    return true
  }
}

/** One end's count of the other direction: how much it has used, and what of that it has said. */
export class UsedBytes {
  readonly #everyBytes: number
  #used: number
  #said: number

  /** @param everyBytes an `ack` is due when so many more are used */
  constructor(everyBytes: number, used = 0, said = 0) {
    this.#everyBytes = everyBytes
    this.#used = used
    this.#said = said
  }

  get used(): number {
    return this.#used
  }

  get said(): number {
    return this.#said
  }

  /** So many more are used. The answer is the `ack` to send, or null while none is due. */
  use(bytes: number): string | null {
    this.#used += bytes
    if (this.#used - this.#said < this.#everyBytes) return null
    this.#said = this.#used
    return formatAck(this.#used)
  }
}
