// Frames of a WebSocket (RFC 6455 section 5.2): those of a server taken apart, ours made. Lengths are checked
// before anything is kept.

/** The kinds of frames used here. */
export const Opcode = { CONTINUATION: 0, TEXT: 1, CLOSE: 8, PING: 9, PONG: 10 } as const

const FINAL = 0x80
const MASKED = 0x80
const MASK_BYTES = 4

/** A whole frame of a client, which must be masked. */
export function frameOf(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload
  const extra = length < 126 ? 0 : length < 65_536 ? 2 : 8
  const frame = new Uint8Array(2 + extra + MASK_BYTES + length)
  const view = new DataView(frame.buffer)
  frame[0] = FINAL | opcode
  frame[1] = MASKED | (extra === 0 ? length : extra === 2 ? 126 : 127)
  if (extra === 2) view.setUint16(2, length)
  if (extra === 8) view.setBigUint64(2, BigInt(length))
  const mask = frame.subarray(2 + extra, 2 + extra + MASK_BYTES)
  crypto.getRandomValues(mask)
  const start = 2 + extra + MASK_BYTES
  for (let at = 0; at < length; at++) frame[start + at] = (payload[at] ?? 0) ^ (mask[at & 3] ?? 0)
  return frame
}

/** Puts frames, and messages of several frames, together from the bytes of a connection. */
export class FrameReader {
  readonly #bytesMax: number
  #chunks: Uint8Array[] = []
  #size = 0
  /** Bytes needed before anything can be done. */
  #needed = 2
  #parts: Uint8Array[] = []
  #partsSize = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Tells of each message and each control frame. False when the other end does not keep to the protocol. */
  push(chunk: Uint8Array, tell: (opcode: number, payload: Uint8Array) => void): boolean {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    while (this.#size >= this.#needed) {
      const frame = this.#frame()
      if (frame === 'bad') return false
      if (frame === 'more') continue
      const { opcode, final, payload } = frame
      if (opcode >= Opcode.CLOSE) {
        tell(opcode, payload)
        continue
      }
      this.#parts.push(payload)
      this.#partsSize += payload.length
      if (this.#partsSize > this.#bytesMax) return false
      if (!final) continue
      const whole = this.#parts.length === 1 ? payload : joined(this.#parts, this.#partsSize)
      this.#parts = []
      this.#partsSize = 0
      // Nothing but text is ever sent to us: binary is not ours to judge.
      tell(Opcode.TEXT, whole)
    }
    return true
  }

  #frame(): { opcode: number; final: boolean; payload: Uint8Array } | 'bad' | 'more' {
    const bytes = this.#all()
    const [first = 0, second = 0] = bytes
    // A server's frames are not masked, and no extension was asked for.
    if ((second & MASKED) !== 0 || (first & 0x70) !== 0) return 'bad'
    const short = second & 0x7f
    const head = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0)
    if (bytes.length < head) return this.#need(head)
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    const length =
      short === 126 ? view.getUint16(2) : short === 127 ? Number(view.getBigUint64(2)) : short
    if (length > this.#bytesMax) return 'bad'
    if (bytes.length < head + length) return this.#need(head + length)
    this.#chunks = [bytes.subarray(head + length)]
    this.#size = bytes.length - head - length
    this.#needed = 2
    const payload = bytes.subarray(head, head + length)
    return { opcode: first & 0x0f, final: (first & FINAL) !== 0, payload }
  }

  #need(bytes: number): 'more' {
    this.#needed = bytes
    return 'more'
  }

  #all(): Uint8Array {
    const [only] = this.#chunks
    if (this.#chunks.length === 1 && only !== undefined) return only
    const bytes = joined(this.#chunks, this.#size)
    this.#chunks = [bytes]
    return bytes
  }
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
