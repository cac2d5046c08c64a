// Measures systems by turns and compares them round by round, so that a machine that slows down slows
// all of them. Not a judge: a figure carries its goal, and nothing fails when it is missed.

/** What a figure should be. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number }

/** One ratio, of as many rounds as `values`. */
export interface Figure {
  /** What is compared with what: `produce / raw insert loop`. */
  readonly name: string
  /** One ratio per round. */
  readonly values: readonly number[]
  /** Null for a figure that only explains another. */
  readonly goal: Goal | null
  /** The absolute values behind it, for the reader: they mean something on this machine only. */
  readonly detail: string
}

/** Middle value; the mean of the two in the middle when they are even. Throws RangeError for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const high = sorted[Math.floor(sorted.length / 2)]
  const low = sorted[Math.floor((sorted.length - 1) / 2)]
  if (high === undefined || low === undefined) throw new RangeError('no values')
  return (low + high) / 2
}

/** `a / b` of each round. */
export function ratios(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, round) => value / b[round]!)
}

/** Runs each system once a round, in order in even rounds and backwards in odd ones; values by name. */
export async function byTurns<Name extends string>(
  rounds: number,
  systems: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(systems) as Name[]
  const values = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    number[]
  >
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      values[name].push(await systems[name]())
    }
  }
  return values
}

/** True when the median keeps the goal, null when there is none. */
export function isMet(figure: Figure): boolean | null {
  if (figure.goal === null) return null
  const middle = median(figure.values)
  return 'atLeast' in figure.goal ? middle >= figure.goal.atLeast : middle <= figure.goal.atMost
}

/** The figure on two lines: ratio, spread, rounds and goal, then its detail. */
export function formatFigure(figure: Figure): string {
  const { name, values, goal, detail } = figure
  const times = (value: number) => `${value.toFixed(2)}×`
  const middle = times(median(values)).padStart(7)
  const spread = `${times(Math.min(...values))}–${times(Math.max(...values))}`
  const rounds = values.length === 1 ? '1 round' : `${values.length} rounds`
  const wanted =
    goal === null ? '' : 'atLeast' in goal ? `≥ ${times(goal.atLeast)}` : `≤ ${times(goal.atMost)}`
  const verdict = isMet(figure) === null ? '' : isMet(figure) ? '  met' : '  MISSED'
  return `${name.padEnd(44)}${middle}  (${spread}, ${rounds})  ${wanted}${verdict}\n    ${detail}`
}

/** `12.3 MB` (10⁶ bytes). */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

/** `123 MB/s`, for the median of bytes per second. */
export function megabytesPerSecond(bytesPerSecond: readonly number[]): string {
  return `${(median(bytesPerSecond) / 1e6).toFixed(0)} MB/s`
}
