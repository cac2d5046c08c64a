// The ids of SSE events: a vector of partition:offset pairs, `0:123,1:88`, of what was delivered last.
// A stream told such a vector starts behind it. -1 is a partition of which nothing was delivered.

/** Longest vector taken: 10,000 partitions with offsets of thirteen digits. */
const VECTOR_UNITS_MAX = 200_000

/** The vector of a stream that delivers these offsets next. */
export function formatVector(next: ReadonlyMap<number, number>): string {
  let text = ''
  for (const [partition, offset] of next) {
    text += `${text === '' ? '' : ','}${partition}:${offset - 1}`
  }
  return text
}

/** The offsets to deliver next by partition; null for text that is no vector, or names one twice. */
export function parseVector(text: string): Map<number, number> | null {
  if (text.length > VECTOR_UNITS_MAX) return null
  const next = new Map<number, number>()
  for (const pair of text.split(',')) {
    const match = /^(\d{1,9}):(-1|\d{1,15})$/.exec(pair)
    if (match === null) return null
    const partition = Number(match[1])
    if (next.has(partition)) return null
    next.set(partition, Number(match[2]) + 1)
  }
  return next
}
