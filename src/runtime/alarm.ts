// The one alarm of a Durable Object: asked for by many, set only when none is due earlier, because each
// setting is a billed row. What is to be done when it fires is the object's to recompute.

/** The platform's alarm. */
export interface AlarmStorage {
  getAlarm(): Promise<number | null>
  setAlarm(timeMs: number): Promise<void>
}

/** Remembers when the alarm is due. */
export class OneAlarm {
  readonly #storage: AlarmStorage
  readonly #report: (error: unknown) => void
  /** undefined: not known since this object was loaded. */
  #dueMs: number | null | undefined

  /** @param report is told when the alarm could not be set */
  constructor(storage: AlarmStorage, report: (error: unknown) => void) {
    this.#storage = storage
    this.#report = report
  }

  /** Makes the alarm fire at this time or earlier. */
  wakeAt(timeMs: number): void {
    if (this.#dueMs === undefined) {
      this.#storage.getAlarm().then(
        // Another call may have set it meanwhile.
        (dueMs) => this.#set(this.#dueMs === undefined ? dueMs : this.#dueMs, timeMs),
        (error) => this.#report(error),
      )
    } else {
      this.#set(this.#dueMs, timeMs)
    }
  }

  /** The alarm has fired: none is set any more. */
  fired(): void {
    this.#dueMs = null
  }

  #set(dueMs: number | null, timeMs: number): void {
    if (dueMs !== null && dueMs <= timeMs) {
      this.#dueMs = dueMs
      return
    }
    this.#dueMs = timeMs
    this.#storage.setAlarm(timeMs).catch((error) => {
      this.#dueMs = undefined
      this.#report(error)
    })
  }
}
