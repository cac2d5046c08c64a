// The position of a reader: the offset delivered last of each partition, `0:123,1:88`, as the ids of the
// broker's events. -1 is a partition of which nothing was delivered.

/** Offsets delivered last, by partition. */
export type Vector = ReadonlyMap<number, number>

/** Reads a position; what is no vector is empty. */
export function parsePosition(text: string): Map<number, number> {
  const vector = new Map<number, number>()
  if (text === '') return vector
  for (const pair of text.split(',')) {
    const [partition, offset] = pair.split(':')
    vector.set(Number(partition), Number(offset))
  }
  return vector
}

/** The text of a vector. */
export function formatPosition(vector: Vector): string {
  return [...vector].map(([partition, offset]) => `${partition}:${offset}`).join(',')
}
