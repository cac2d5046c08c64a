// Order statistics of latencies. The median of rounds is in ../rounds.ts.

/** The value that a share `q` (0 to 1) of the values do not exceed. Throws RangeError for none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const value = sorted[indexOf(sorted.length, q)]
  if (value === undefined) throw new RangeError('no values')
  return value
}

/** `p50 1.2, p99 3.4, most 5.6 ms`. */
export function latencyText(ms: readonly number[]): string {
  const at = (q: number) => quantile(ms, q).toFixed(1)
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, most ${at(1)} ms`
}

/** Latencies in whole milliseconds, as many as there are: millions of them in a few hundred KiB. */
export class Latencies {
  /** How many there were of each millisecond; the last counts all that are later. */
  readonly #counts = new Uint32Array(LATEST_MS + 1)
  #count = 0

  get count(): number {
    return this.#count
  }

  /** A negative one (two clocks that differ) counts as 0. */
  add(ms: number): void {
    const at = Math.min(LATEST_MS, Math.max(0, Math.round(ms)))
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
    this.#count++
  }

  /** As `quantile`; infinite when there are none. */
  quantile(q: number): number {
    let left = indexOf(this.#count, q) + 1
    for (const [ms, count] of this.#counts.entries()) {
      left -= count
      if (count > 0 && left <= 0) return ms
    }
    return Number.POSITIVE_INFINITY
  }

  /** `p50 1, p99 3, most 5 ms`. */
  get text(): string {
    const at = (q: number) => this.quantile(q).toFixed(0)
    return `p50 ${at(0.5)}, p99 ${at(0.99)}, most ${at(1)} ms`
  }
}

/** No later answer is told apart. */
const LATEST_MS = 60_000

function indexOf(count: number, q: number): number {
  return Math.min(count - 1, Math.max(0, Math.ceil(q * count) - 1))
}
