// Times stamped into records and found again in a stream of events, whatever frames it: chunked encoding and
// the events' own fields are passed over, and a stamp may lie in two pieces of the stream.

const MARK = Buffer.from('sent=')
/** Milliseconds since the epoch have so many digits until the year 2286. */
const DIGITS = 13
const STAMP_BYTES = MARK.length + DIGITS

/** Finds stamps in one stream. */
export class SentTimes {
  #rest: Buffer = Buffer.alloc(0)

  /** What marks a record as sent at a time. */
  static stamp(ms: number): string {
    return `${MARK}${ms}`
  }

  /** The stamps that are whole with these bytes, in order. */
  in(bytes: Buffer): number[] {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    const found: number[] = []
    let from = 0
    for (;;) {
      const at = all.indexOf(MARK, from)
      if (at < 0 || at + STAMP_BYTES > all.length) {
        // As much as a stamp may have begun in: no copy of what was looked through.
        const keep = at < 0 ? Math.max(from, all.length - MARK.length + 1) : at
        this.#rest = Buffer.from(all.subarray(keep))
        return found
      }
      found.push(Number(all.toString('latin1', at + MARK.length, at + STAMP_BYTES)))
      from = at + STAMP_BYTES
    }
  }
}
