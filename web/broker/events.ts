// Server-sent events read with fetch: whole chunks at a time, because at thousands of records a second an
// event of the page per record is what costs. It resumes by the last id itself; what an id means is
// positions.ts's, what to do with events is the caller's. Not the SDK's tail over its WebSocket, though the requests
// are the SDK's: a tail parses every record, where a list of 5,000 a second shows a few and only counts the others.

import { BrokerError, send } from './http.ts'

/** One event; `data` is '' when only the id moved. */
export interface ServerEvent {
  readonly type: string
  readonly id: string
  readonly data: string
}

/** What is told of a stream. */
export interface StreamHandlers {
  /** The events of a chunk, in order. What it throws ends the stream. */
  onEvents(events: readonly ServerEvent[]): void
  onOpen?(): void
  /** It broke, and is tried again. */
  onBreak?(error: unknown): void
}

/** The broker says something every 15 s: a stream that says nothing between two looks as far apart is cut. */
const SILENT_MS = 20_000
const RETRY_FIRST_MS = 500
const RETRY_MAX_MS = 10_000

/**
 * Follows a stream until the signal says so, resuming behind the last id after each break. Rejects with
 * BrokerError when the broker refuses it, with the signal's reason when it is ended.
 */
export async function follow(
  path: string,
  handlers: StreamHandlers,
  signal: AbortSignal,
): Promise<never> {
  let lastId = ''
  let waitMs = RETRY_FIRST_MS
  for (;;) {
    try {
      const response = await send(path, {
        signal,
        headers: {
          accept: 'text/event-stream',
          ...(lastId === '' ? {} : { 'last-event-id': lastId }),
        },
      })
      handlers.onOpen?.()
      waitMs = RETRY_FIRST_MS
      await readEvents(response, signal, (events) => {
        lastId = events.at(-1)?.id || lastId
        handlers.onEvents(events)
      })
    } catch (error) {
      if (signal.aborted) throw signal.reason
      const isFinal = error instanceof BrokerError && error.status >= 400 && error.status < 500
      if (isFinal && error.status !== 429) throw error
      handlers.onBreak?.(error)
    }
    await pause(waitMs * (0.5 + Math.random() / 2), signal)
    waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)
  }
}

/** Reads a response's events to its end. Rejects when it breaks, and when nothing is heard: no end may reach us. */
export async function readEvents(
  response: Response,
  signal: AbortSignal,
  onEvents: (events: readonly ServerEvent[]) => void,
): Promise<void> {
  if (response.body === null) return
  const parser = new EventParser()
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let isHeard = true
  let isCut = false
  const listening = setInterval(() => {
    isCut = !isHeard
    isHeard = false
    if (isCut) void reader.cancel()
  }, SILENT_MS)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      signal.throwIfAborted()
      if (isCut) throw new Error('nothing was heard for too long')
      if (done) return
      isHeard = true
      const events = parser.take(decoder.decode(value, { stream: true }))
      if (events.length > 0) onEvents(events)
    }
  } finally {
    clearInterval(listening)
  }
}

/** Events out of text in pieces (WHATWG, server-sent events). The broker ends lines with a line feed. */
export class EventParser {
  #rest = ''
  #id = ''

  /** The events that this piece completes. */
  take(piece: string): ServerEvent[] {
    const text = this.#rest + piece
    const events: ServerEvent[] = []
    let from = 0
    for (;;) {
      const end = text.indexOf('\n\n', from)
      if (end === -1) break
      const event = this.#event(text.slice(from, end))
      if (event !== null) events.push(event)
      from = end + 2
    }
    this.#rest = text.slice(from)
    return events
  }

  #event(block: string): ServerEvent | null {
    let type = 'message'
    let data = ''
    let said = false
    for (const line of block.split('\n')) {
      if (line === '' || line.startsWith(':')) continue
      const colon = line.indexOf(':')
      const field = colon === -1 ? line : line.slice(0, colon)
      const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
      if (field === 'id') this.#id = value
      else if (field === 'event') type = value
      else if (field === 'data') data = data === '' ? value : `${data}\n${value}`
      said ||= field === 'id' || field === 'event' || field === 'data'
    }
    return said ? { type, id: this.#id, data } : null
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
}
