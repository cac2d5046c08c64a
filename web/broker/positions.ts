// Positions in a topic as the broker writes them: `0:123,1:88`, partition and last offset delivered. The
// same grammar as Last-Event-ID and `from=`; -1 is a partition of which nothing was delivered.

/** The text of offsets to read next, by partition. */
export function positionText(next: ReadonlyMap<number, number>): string {
  return [...next].map(([partition, offset]) => `${partition}:${offset - 1}`).join(',')
}

/** The offsets to read next, by partition; empty for text that is no position. */
export function parsePosition(text: string): Map<number, number> {
  const next = new Map<number, number>()
  for (const pair of text.split(',')) {
    const match = /^(\d{1,9}):(-1|\d{1,15})$/.exec(pair)
    if (match !== null) next.set(Number(match[1]), Number(match[2]) + 1)
  }
  return next
}
