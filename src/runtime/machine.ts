// Runs a pure state machine in a Durable Object: commands in arrival order, what they change written in
// one transaction, one commit in flight, and no reply before what it rests on is durable. Not the
// machine (group/, transaction/ decide) and not the storage (their stores write).
//
// A machine changes its memory at once and names what must be kept. If that cannot be written, memory
// is ahead of the disk: the object ends and a new one is loaded from what is kept.

/** Names the caller that waits for a reply; never used twice in the life of an object. */
export type Ticket = number

/** What a command came to. */
export interface Decision<Reply, Change, Effect> {
  /** What must be durable before any of the replies and effects leaves; in order. */
  readonly changes: readonly Change[]
  /** Replies to this command or to parked ones. */
  readonly replies: readonly (readonly [ticket: Ticket, reply: Reply])[]
  /** Calls to others, made once the changes are durable. Their outcome comes back as a command. */
  readonly effects: readonly Effect[]
}

/** A pure state machine: no clock, no storage, no randomness of its own. */
export interface Machine<Command, Reply, Change, Effect> {
  /** Takes one command. Its ticket is answered now or by a later decision, exactly once. */
  decide(command: Command, ticket: Ticket, nowMs: number): Decision<Reply, Change, Effect>
  /** Does what is due by itself at this time. */
  tick(nowMs: number): Decision<Reply, Change, Effect>
  /** When `tick` is needed next, milliseconds since the epoch; Infinity for never. */
  readonly deadlineMs: number
}

/** What the runner needs of the object. */
export interface MachineHost<Command, Change, Effect> {
  readonly now: () => number
  /** Writes all changes in one transaction, or throws. */
  readonly write: (changes: readonly Change[]) => void
  /** Resolves when what was written is confirmed on disk. */
  readonly sync: () => Promise<void>
  /** Resolves in a later turn of the event loop: what was answered before has then left. Never rejects. */
  readonly turn?: () => Promise<void>
  /** Before an answer that nothing is written for: throws when another object has taken over. */
  readonly touch?: () => void
  /** Has `tick` called at this time or earlier, even if the object is evicted before. */
  readonly wakeAt: (timeMs: number) => void
  /** Ends this object: the next call meets a new one, loaded from what is on disk. */
  readonly abort: (reason: string) => void
  /** Starts a call to another object. It must not throw; its outcome is fed back with `run`. */
  readonly start: (effect: Effect) => void
  /**
   * What must be known before a command is decided (settings, topics): undefined when nothing is
   * missing. A rejection rejects the command and leaves the machine untouched.
   */
  readonly prepare?: (command: Command) => Promise<void> | undefined
  readonly report: (event: string, error: unknown) => void
}

interface Waiting<Command> {
  readonly command: Command
  readonly ticket: Ticket
  /** Rejects the caller: only when the command was not decided or the object ends. */
  readonly reject: (error: unknown) => void
}

/** The object can say nothing more: its memory was ahead of its disk. The caller may ask again. */
export class MachineEnded extends Error {
  override readonly name = 'MachineEnded'
}

/** See the head of this file. */
export class MachineRunner<Command, Reply, Change, Effect> {
  readonly #machine: Machine<Command, Reply, Change, Effect>
  readonly #host: MachineHost<Command, Change, Effect>
  readonly #resolvers = new Map<Ticket, (reply: Reply) => void>()
  readonly #rejecters = new Map<Ticket, (error: unknown) => void>()
  #queue: Waiting<Command>[] = []
  #tickDue = false
  #draining = false
  /** Commands of one caller are being taken: they are decided when the last of them is here. */
  #gathering = false
  #ended = false
  #lastTicket: Ticket = 0

  constructor(
    machine: Machine<Command, Reply, Change, Effect>,
    host: MachineHost<Command, Change, Effect>,
  ) {
    this.#machine = machine
    this.#host = host
    this.#wake()
  }

  /** Callers that wait for a reply. */
  get parked(): number {
    return this.#resolvers.size
  }

  /**
   * Takes a command in arrival order. Resolves with its reply when that is durable.
   * @throws MachineEnded, or what `prepare` threw
   */
  run(command: Command): Promise<Reply> {
    if (this.#ended) return Promise.reject(new MachineEnded('the object has ended'))
    return new Promise((resolve, reject) => {
      this.#lastTicket += 1
      const ticket = this.#lastTicket
      this.#resolvers.set(ticket, resolve)
      this.#rejecters.set(ticket, reject)
      this.#queue.push({ command, ticket, reject })
      this.#startDraining()
    })
  }

  /** The commands that `act` runs are decided, and written, in one round. */
  together<Result>(act: () => Result): Result {
    this.#gathering = true
    try {
      return act()
    } finally {
      this.#gathering = false
      this.#startDraining()
    }
  }

  /** The alarm: does what is due. */
  tick(): void {
    this.#tickDue = true
    this.#startDraining()
  }

  #startDraining(): void {
    if (this.#isDue && !this.#draining && !this.#gathering) void this.#drain()
  }

  get #isDue(): boolean {
    return !this.#ended && (this.#queue.length > 0 || this.#tickDue)
  }

  /** Decides what waits, writes it, and answers when it is durable; again until nothing waits. */
  async #drain(): Promise<void> {
    this.#draining = true
    try {
      while (this.#isDue) await this.#round()
    } catch (cause) {
      this.#host.report('a coordinator could not go on', cause)
      this.#end(String(cause))
    } finally {
      this.#draining = false
    }
  }

  async #round(): Promise<void> {
    const { now, write, sync, start } = this.#host
    const decisions: Decision<Reply, Change, Effect>[] = []
    const taken = this.#queue
    this.#queue = []
    for (const waiting of taken) {
      // Without an `await` where nothing is missing: it would cost a turn per command.
      const preparing = this.#host.prepare?.(waiting.command)
      if (preparing !== undefined && !(await this.#prepared(waiting, preparing))) continue
      decisions.push(this.#machine.decide(waiting.command, waiting.ticket, now()))
    }
    if (this.#tickDue || this.#machine.deadlineMs <= now()) {
      this.#tickDue = false
      decisions.push(this.#machine.tick(now()))
    }
    const changes = decisions.flatMap((decision) => decision.changes)
    if (changes.length > 0) {
      write(changes)
      // In the same commit: a state that is kept has its alarm, should the object end before the next line.
      this.#wake()
      await sync()
      if (this.#ended) return
    } else if (decisions.some(({ replies }) => replies.length > 0)) {
      this.#host.touch?.()
    }
    this.#wake()
    for (const { replies, effects } of decisions) {
      for (const [ticket, reply] of replies) this.#answer(ticket, reply)
      for (const effect of effects) start(effect)
    }
    // The object's output waits for every write begun before it: these answers would wait for the next commit.
    if (changes.length > 0) await this.#host.turn?.()
  }

  async #prepared(
    { ticket, reject }: Waiting<Command>,
    preparing: Promise<void>,
  ): Promise<boolean> {
    try {
      await preparing
      return true
    } catch (error) {
      this.#resolvers.delete(ticket)
      this.#rejecters.delete(ticket)
      reject(error)
      return false
    }
  }

  #answer(ticket: Ticket, reply: Reply): void {
    const resolve = this.#resolvers.get(ticket)
    this.#resolvers.delete(ticket)
    this.#rejecters.delete(ticket)
    resolve?.(reply)
  }

  #wake(): void {
    const { deadlineMs } = this.#machine
    if (deadlineMs < Number.POSITIVE_INFINITY) this.#host.wakeAt(deadlineMs)
  }

  #end(reason: string): void {
    this.#ended = true
    for (const reject of this.#rejecters.values()) reject(new MachineEnded(reason))
    this.#resolvers.clear()
    this.#rejecters.clear()
    this.#queue = []
    this.#host.abort(reason)
  }
}
