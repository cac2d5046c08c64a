// The one source of chance: a seeded generator (xoshiro128**, seeded by splitmix32). Everything that
// happens in a simulated world follows from its seed.

/** A stream of numbers that only its seed determines. */
export class Random {
  readonly #state = new Uint32Array(4)

  constructor(seed: number) {
    let z = seed >>> 0
    for (let index = 0; index < 4; index++) {
      z = (z + 0x9e3779b9) >>> 0
      let t = z ^ (z >>> 16)
      t = Math.imul(t, 0x21f0aaad)
      t ^= t >>> 15
      t = Math.imul(t, 0x735a2d97)
      this.#state[index] = (t ^ (t >>> 15)) >>> 0
    }
  }

  /** A whole number in [0, 2^32). */
  next(): number {
    const s = this.#state
    const [a, b, c, d] = [s[0]!, s[1]!, s[2]!, s[3]!]
    const product = Math.imul(b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0
    const c2 = c ^ a
    const d2 = d ^ b
    s[1] = b ^ c2
    s[0] = a ^ d2
    s[2] = c2 ^ (b << 9)
    s[3] = (d2 << 11) | (d2 >>> 21)
    return result
  }

  /** In [0, 1). */
  unit(): number {
    return this.next() / 4_294_967_296
  }

  /** A whole number in [low, high]. */
  between(low: number, high: number): number {
    return low + (this.next() % (high - low + 1))
  }

  chance(probability: number): boolean {
    return this.unit() < probability
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.next() % items.length]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }

  /** As a version 4 UUID. */
  uuid(): string {
    const hex = Array.from({ length: 4 }, () => this.next().toString(16).padStart(8, '0')).join('')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
  }
}
