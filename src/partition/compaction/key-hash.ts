// 128 bits that stand for a record's key: SipHash-1-3 with a 128-bit output and a secret key that is drawn
// anew for each pass. With n keys in a map and m look-ups two different keys meet by chance with
// probability n·m / 2^128 (a million keys, ten billion look-ups: 3·10^-23), and who does not know
// the secret cannot make keys that meet. Not a checksum, never stored. Follows Aumasson and Bernstein's
// reference; the 64-bit words are pairs of 32-bit halves.

/** A secret of four 32-bit words. */
export type HashSecret = Uint32Array

/** Rounds for each word of the key, and at the end for each half of the result. */
export interface SipRounds {
  readonly word: number
  readonly end: number
}

/** As in Rust's and Python's tables: half the work of 2 and 4, and no attack is known on either. */
const ROUNDS: SipRounds = { word: 1, end: 3 }

/** Hashes keys under one secret. `words` holds the last hash: four 32-bit words. */
export class KeyHash {
  readonly words = new Int32Array(4)
  readonly #k0: number
  readonly #k1: number
  readonly #k2: number
  readonly #k3: number
  readonly #wordRounds: number
  readonly #endRounds: number

  constructor(secret: HashSecret, rounds: SipRounds = ROUNDS) {
    this.#wordRounds = rounds.word
    this.#endRounds = rounds.end
    this.#k0 = (secret[0] ?? 0) | 0
    this.#k1 = (secret[1] ?? 0) | 0
    this.#k2 = (secret[2] ?? 0) | 0
    this.#k3 = (secret[3] ?? 0) | 0
  }

  /** Hashes `length` bytes from `at` into `words`. */
  hash(bytes: Uint8Array, at: number, length: number): void {
    // v0 and v2 start with the first half of the secret, v1 and v3 with the second.
    let l0 = this.#k0 ^ 0x70736575
    let h0 = this.#k1 ^ 0x736f6d65
    let l1 = this.#k2 ^ 0x6e646f6d ^ 0xee
    let h1 = this.#k3 ^ 0x646f7261
    let l2 = this.#k0 ^ 0x6e657261
    let h2 = this.#k1 ^ 0x6c796765
    let l3 = this.#k2 ^ 0x79746573
    let h3 = this.#k3 ^ 0x74656462
    const words = length >>> 3
    // After the words come the word with what is left and the length, then the two halves of the result.
    const stages = words + 3
    let position = at
    for (let stage = 0; stage < stages; stage++) {
      let low = 0
      let high = 0
      let rounds = this.#wordRounds
      if (stage < words) {
        low = int32(bytes, position)
        high = int32(bytes, position + 4)
        position += 8
      } else if (stage === words) {
        high = length << 24
        const rest = length & 7
        for (let index = 0; index < rest; index++) {
          const byte = bytes[position + index] as number
          if (index < 4) low |= byte << (index * 8)
          else high |= byte << ((index - 4) * 8)
        }
      } else if (stage === words + 1) {
        l2 ^= 0xee
        rounds = this.#endRounds
      } else {
        l1 ^= 0xdd
        rounds = this.#endRounds
      }
      l3 ^= low
      h3 ^= high
      for (; rounds > 0; rounds--) {
        // v0 += v1; v1 = rotl(v1, 13) ^ v0; v0 = rotl(v0, 32)
        let sum = (l0 + l1) | 0
        h0 = (h0 + h1 + (sum >>> 0 < l0 >>> 0 ? 1 : 0)) | 0
        l0 = sum
        let turned = (l1 << 13) | (h1 >>> 19)
        h1 = ((h1 << 13) | (l1 >>> 19)) ^ h0
        l1 = turned ^ l0
        turned = l0
        l0 = h0
        h0 = turned
        // v2 += v3; v3 = rotl(v3, 16) ^ v2
        sum = (l2 + l3) | 0
        h2 = (h2 + h3 + (sum >>> 0 < l2 >>> 0 ? 1 : 0)) | 0
        l2 = sum
        turned = (l3 << 16) | (h3 >>> 16)
        h3 = ((h3 << 16) | (l3 >>> 16)) ^ h2
        l3 = turned ^ l2
        // v0 += v3; v3 = rotl(v3, 21) ^ v0
        sum = (l0 + l3) | 0
        h0 = (h0 + h3 + (sum >>> 0 < l0 >>> 0 ? 1 : 0)) | 0
        l0 = sum
        turned = (l3 << 21) | (h3 >>> 11)
        h3 = ((h3 << 21) | (l3 >>> 11)) ^ h0
        l3 = turned ^ l0
        // v2 += v1; v1 = rotl(v1, 17) ^ v2; v2 = rotl(v2, 32)
        sum = (l2 + l1) | 0
        h2 = (h2 + h1 + (sum >>> 0 < l2 >>> 0 ? 1 : 0)) | 0
        l2 = sum
        turned = (l1 << 17) | (h1 >>> 15)
        h1 = ((h1 << 17) | (l1 >>> 15)) ^ h2
        l1 = turned ^ l2
        turned = l2
        l2 = h2
        h2 = turned
      }
      l0 ^= low
      h0 ^= high
      if (stage === words + 1) {
        this.words[0] = l0 ^ l1 ^ l2 ^ l3
        this.words[1] = h0 ^ h1 ^ h2 ^ h3
      }
    }
    this.words[2] = l0 ^ l1 ^ l2 ^ l3
    this.words[3] = h0 ^ h1 ^ h2 ^ h3
  }
}

/** A little-endian 32-bit number. */
function int32(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
  return low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)
}
