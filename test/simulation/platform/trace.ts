// What happened, event by event: a hash of all of it, the last events for a report, and, when asked, all
// of it as text. Two runs of one seed have the same hash.

/** How many events a failure shows. */
const KEPT = 60

/** See the head of this file. */
export class Trace {
  #hash = 0x811c9dc5
  #events = 0
  readonly #last: string[] = []
  readonly #all: string[] | null
  readonly #now: () => number

  constructor(now: () => number, verbose: boolean) {
    this.#now = now
    this.#all = verbose ? [] : null
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }

  /** Events so far. */
  get events(): number {
    return this.#events
  }

  get isVerbose(): boolean {
    return this.#all !== null
  }

  get last(): readonly string[] {
    return this.#all ?? this.#last
  }

  /** @param detail is only made when somebody will read it */
  add(what: string, detail?: () => string): void {
    this.#events += 1
    const text = `${this.#now()} ${what}`
    let hash = this.#hash
    for (let at = 0; at < text.length; at++) {
      hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
    }
    this.#hash = hash
    if (this.#all !== null) {
      this.#all.push(detail === undefined ? text : `${text} ${detail()}`)
      return
    }
    this.#last.push(text)
    if (this.#last.length > KEPT) this.#last.shift()
  }
}
