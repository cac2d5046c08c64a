// A line of waiters who live in different request contexts and share plain data only: a promise of another context
// would hang, so each looks for itself, by its own timer, whether it is its turn. Not what they wait for.

/**
 * Who has not looked for so long is gone: its context ended, with its timers, while it waited. Nobody else could
 * give up its turn.
 */
const GONE_MS = 1_000

/** A waiter's place. */
export interface Ticket {
  readonly owner: object
  /** How many tickets its owner had before it. */
  readonly number: number
  lookedAtMs: number
}

/** First come, first served, but for those who wait with several tickets: everybody's first come before all second ones. */
export class Line {
  readonly #tickets: Ticket[] = []
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** How many wait. */
  get length(): number {
    return this.#tickets.length
  }

  /** A place behind all others whose owners have as many already. @param owner who waits, perhaps several times: a connection */
  join(owner: object = {}): Ticket {
    let number = 0
    for (const ticket of this.#tickets) if (ticket.owner === owner) number = ticket.number + 1
    const ticket: Ticket = { owner, number, lookedAtMs: this.#now() }
    this.#insert(ticket)
    return ticket
  }

  /** How many are before it. Every waiter asks now and then, or loses its place. */
  place(ticket: Ticket): number {
    ticket.lookedAtMs = this.#now()
    this.forgetGone()
    const place = this.#tickets.indexOf(ticket)
    if (place >= 0) return place
    // Late timers have cost it its place.
    this.#insert(ticket)
    return this.#tickets.indexOf(ticket)
  }

  leave(ticket: Ticket): void {
    const at = this.#tickets.indexOf(ticket)
    if (at >= 0) this.#tickets.splice(at, 1)
  }

  /** Only the first in the line holds up others. */
  forgetGone(): void {
    const goneMs = this.#now() - GONE_MS
    while ((this.#tickets[0]?.lookedAtMs ?? goneMs) < goneMs) this.#tickets.shift()
  }
  #insert(ticket: Ticket): void {
    const before = this.#tickets.findLastIndex(({ number }) => number <= ticket.number)
    this.#tickets.splice(before + 1, 0, ticket)
  }
}
