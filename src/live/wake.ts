// One waiter and whoever wakes it: a loop that waits until something has changed.

/** A wake-up that comes before the wait is not lost. */
export class Wake {
  #woken = false
  #resolve: (() => void) | null = null

  /** Ends the wait, or the next one. */
  wake(): void {
    const resolve = this.#resolve
    this.#resolve = null
    if (resolve === null) this.#woken = true
    else resolve()
  }

  /** Resolves at the next wake(), or at once when there was one since the last wait. */
  async wait(): Promise<void> {
    if (this.#woken) {
      this.#woken = false
      return
    }
    await new Promise<void>((resolve) => {
      this.#resolve = resolve
    })
  }
}
