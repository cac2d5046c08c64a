// Reads server-sent events (WHATWG) from an answer: fields of events, and ids that come alone. Nothing of what they
// mean.

/** One block of lines. `data` is null where there is none: then only the id counts. */
export interface StreamEvent {
  readonly event: string
  readonly data: string | null
  /** The last id of the stream so far; undefined before the first. */
  readonly id: string | undefined
}

/** The events of a body, until it ends. @throws what reading it throws */
export async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder()
  let rest = ''
  let id: string | undefined
  let event = ''
  let data: string[] = []
  let hasFields = false
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true })
    // A lone CR at the end may be half of a line's end.
    const lines = rest.split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') {
        if (hasFields) yield { event, data: data.length === 0 ? null : data.join('\n'), id }
        event = ''
        data = []
        hasFields = false
        continue
      }
      const colon = line.indexOf(':')
      if (colon === 0) continue
      const field = colon < 0 ? line : line.slice(0, colon)
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
      if (field === 'data') data.push(value)
      else if (field === 'event') event = value
      else if (field === 'id' && !value.includes('\0')) id = value
      else continue
      hasFields = true
    }
  }
}
