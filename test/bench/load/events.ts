// Values of records as they are in logs of events, and the numbers they are made of. The data are the same
// in every run.

/** A fixed sequence of numbers below 2^32. */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    // The lower bits of such a sequence repeat soon.
    return (state ^ (state >>> 15)) >>> 0
  }
}

/** JSON of so many bytes: alike and not the same, so that it compresses to about a third. */
export function eventOf(random: () => number, bytes: number): string {
  let value = ''
  while (value.length < bytes) {
    const state = random()
    value += `{"order":${state},"customer":"c-${state % 5_003}","total":${(state >>> 7) % 10_000},"paid":${state % 3 === 0}}`
  }
  return value.slice(0, bytes)
}
