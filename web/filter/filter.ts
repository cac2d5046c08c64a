// A person's JavaScript as a filter of records. It runs in a worker of a frame of opaque origin without a
// network (public/filter.html); here is the other end: records go in batches, and when nothing comes back
// for a second the worker is ended. Which code somebody agreed to run in this tab is kept here, too.

import { type Item, isMalformed } from '../broker/shapes.ts'

/** The code is wrong, failed, or was silent for too long. */
export class FilterError extends Error {
  readonly code = 'FILTER'
}

const SILENCE_MS = 1_000
/** The frame itself may take longer to come: it is not the person's code. */
const START_MS = 10_000

interface Answer {
  readonly id?: number
  readonly ready?: true
  readonly kept?: readonly boolean[]
  readonly error?: string
}

/** One filter with a frame of its own. Close it. */
export class Filter {
  readonly #code: string
  #frame: HTMLIFrameElement | undefined
  #port: MessagePort | undefined
  #started: Promise<MessagePort> | undefined
  #next = 1
  #isClosed = false

  constructor(code: string) {
    this.#code = code
  }

  /** The items that it is true for. Throws FilterError, or the signal's reason. */
  async keep(items: readonly Item[], signal: AbortSignal): Promise<Item[]> {
    this.#started ??= this.#start(signal)
    const port = await this.#started
    if (items.length === 0) return []
    const records = items.map((item) => (isMalformed(item) ? null : item))
    const answer = await this.#ask(port, { records: records.filter((one) => one !== null) }, signal)
    const verdicts = [...(answer.kept ?? [])]
    return items.filter((item) => isMalformed(item) || verdicts.shift() === true)
  }

  /** Ends the worker and takes the frame away. */
  close(): void {
    this.#isClosed = true
    this.#port?.postMessage('end')
    this.#port?.close()
    this.#frame?.remove()
  }

  async #start(signal: AbortSignal): Promise<MessagePort> {
    const frame = document.createElement('iframe')
    this.#frame = frame
    frame.setAttribute('sandbox', 'allow-scripts')
    frame.hidden = true
    frame.title = 'Filter'
    frame.src = '/filter.html'
    const loaded = new Promise<void>((resolve) => {
      frame.onload = () => resolve()
    })
    document.body.append(frame)
    await this.#within(loaded, START_MS, signal)
    const { port1: port, port2 } = new MessageChannel()
    this.#port = port
    const started = new Promise<void>((resolve) => {
      port.onmessage = ({ data }) => data === 'started' && resolve()
    })
    // Its origin is opaque: nothing else can be named, and the message says nothing.
    frame.contentWindow?.postMessage('ottla-filter', '*', [port2])
    await this.#within(started, START_MS, signal)
    await this.#ask(port, { code: this.#code }, signal)
    return port
  }

  async #ask(port: MessagePort, message: object, signal: AbortSignal): Promise<Answer> {
    const id = this.#next++
    const answered = new Promise<Answer>((resolve) => {
      port.onmessage = ({ data }: MessageEvent<Answer>) => {
        if (data.id === id || data.id === undefined) resolve(data)
      }
    })
    port.postMessage({ id, ...message })
    const answer = await this.#within(answered, SILENCE_MS, signal)
    if (answer.error !== undefined) throw new FilterError(answer.error)
    return answer
  }

  async #within<T>(work: Promise<T>, ms: number, signal: AbortSignal): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.close()
        reject(new FilterError(`It was ended: it gave no answer for ${ms / 1_000} s`))
      }, ms)
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    try {
      return await Promise.race([work, stop])
    } finally {
      clearTimeout(timer)
      if (this.#isClosed) this.#frame?.remove()
    }
  }
}

const AGREED = 'ottla.filters'
const AGREED_MAX = 50

/** True when somebody typed this code, or agreed to it, in this tab. */
export function isAgreed(code: string): boolean {
  return agreed().includes(code)
}

/** Somebody wants this code to run. */
export function agree(code: string): void {
  const codes = [...agreed().filter((one) => one !== code), code].slice(-AGREED_MAX)
  sessionStorage.setItem(AGREED, JSON.stringify(codes))
}

function agreed(): readonly string[] {
  try {
    return JSON.parse(sessionStorage.getItem(AGREED) ?? '[]') as string[]
  } catch {
    return []
  }
}
