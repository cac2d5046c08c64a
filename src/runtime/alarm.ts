// The one alarm of a Durable Object: asked for by many, set only when none is due earlier, because each
// setting is a billed row. What is to be done when it fires is the object's to recompute.

import { ALARM_LATEST_MS, ALARM_RETRY_MS } from '../core/limits.ts'

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
  /** What could not be set, and is to be tried again. */
  #unsetMs: number | null = null
  /** What has been asked of the platform, done or not. Never rejects. */
  #asked: Promise<unknown> = Promise.resolve()

  /** @param report is told when the alarm could not be set */
  constructor(storage: AlarmStorage, report: (error: unknown) => void) {
    this.#storage = storage
    this.#report = report
  }

  /** Makes the alarm fire at this time or earlier. */
  wakeAt(wantedMs: number): void {
    const timeMs = Math.min(wantedMs, ALARM_LATEST_MS)
    if (this.#dueMs === undefined) {
      this.#ask(
        this.#storage.getAlarm().then(
          // Another call may have set it meanwhile.
          (dueMs) => this.#set(this.#dueMs === undefined ? dueMs : this.#dueMs, timeMs),
          (error) => this.#retry(timeMs, error),
        ),
      )
    } else {
      this.#ask(this.#set(this.#dueMs, timeMs))
    }
  }

  /** The alarm has fired: none is set any more. */
  fired(): void {
    this.#dueMs = null
  }

  /**
   * Resolves when what was asked for is set. To be awaited by who answers the alarm that has fired: an object that ends
   * before it could set the next one is never called again, unless the platform repeats the call that failed.
   * @throws Error when it could not be set; it is tried again all the same, while this object lives
   */
  async settled(): Promise<void> {
    await this.#asked
    if (this.#unsetMs !== null) throw new Error('the alarm could not be set')
  }

  #ask(asked: Promise<void> | undefined): void {
    if (asked !== undefined) this.#asked = Promise.all([this.#asked, asked])
  }

  /** Undefined when nothing has to be set. */
  #set(dueMs: number | null, timeMs: number): Promise<void> | undefined {
    if (dueMs !== null && dueMs <= timeMs) {
      this.#dueMs = dueMs
      return undefined
    }
    this.#dueMs = timeMs
    return this.#storage.setAlarm(timeMs).catch((error) => this.#retry(timeMs, error))
  }

  /** Nobody may call this object before the alarm would have been due. */
  #retry(timeMs: number, error: unknown): void {
    this.#dueMs = undefined
    this.#report(error)
    const isUnderWay = this.#unsetMs !== null
    this.#unsetMs = Math.min(this.#unsetMs ?? timeMs, timeMs)
    if (isUnderWay) return
    setTimeout(() => {
      const unsetMs = this.#unsetMs ?? timeMs
      this.#unsetMs = null
      this.wakeAt(unsetMs)
    }, ALARM_RETRY_MS)
  }
}
