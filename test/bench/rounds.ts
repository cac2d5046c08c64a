// Measures systems by turns and compares them round by round, so that a machine that slows down slows
// all of them. Not a judge: a figure carries its goal, and nothing fails when it is missed.

/** What a figure should be. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number }

/** What the values of a figure are in when they are no ratios: `` for a number of things. */
export type Unit = 'ms' | 'µs' | 'B' | 'MB/s' | '$' | 'cores' | ''

/** One ratio, of as many rounds as `values`; or an amount that a limit is set for. */
export interface Figure {
  /** What is compared with what: `produce / raw insert loop`. */
  readonly name: string
  /** One ratio per round. */
  readonly values: readonly number[]
  /** Absent for a ratio. */
  readonly unit?: Unit
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

/** A figure without a goal that says what forbids the goal of those above it. */
export function floorFigure(name: string, values: readonly number[], detail: string): Figure {
  return { name: `  floor: ${name}`, values, goal: null, detail }
}

/** How long the rounds of one group may take: with them, either run ends in its time on a slow disk too. */
export function roundsWithinMs(quick: boolean): number {
  return quick ? 5_000 : 12_000
}

/**
 * Runs each system once a round, in order in even rounds and backwards in odd ones; values by name. After
 * `withinMs` no further round is begun, but at least two are run of two or more. `before` each turn may let
 * the machine come to rest.
 */
export async function byTurns<Name extends string, Value = number>(
  rounds: number,
  systems: Readonly<Record<Name, () => Promise<Value>>>,
  withinMs = Number.POSITIVE_INFINITY,
  before: () => Promise<unknown> = async () => {},
): Promise<Record<Name, Value[]>> {
  const names = Object.keys(systems) as Name[]
  const values = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    Value[]
  >
  const startMs = performance.now()
  for (let round = 0; round < rounds; round++) {
    if (round >= 2 && performance.now() - startMs > withinMs) break
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      await before()
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
  const times = (value: number) => formatValue(value, figure.unit)
  const middle = times(median(values)).padStart(9)
  const spread = `${times(Math.min(...values))}–${times(Math.max(...values))}`
  const rounds = values.length === 1 ? '1 round' : `${values.length} rounds`
  const wanted =
    goal === null ? '' : 'atLeast' in goal ? `≥ ${times(goal.atLeast)}` : `≤ ${times(goal.atMost)}`
  const verdict = isMet(figure) === null ? '' : isMet(figure) ? '  met' : '  MISSED'
  return `${name.padEnd(58)}${middle}  (${spread}, ${rounds})  ${wanted}${verdict}\n    ${detail}`
}

/** `1.23×`; with a unit three digits that count: `1.23 ms`, `$0.0123`, `12.3 MB`. */
export function formatValue(value: number, unit: Unit | undefined): string {
  if (unit === undefined) return `${value.toFixed(2)}×`
  const digits = (amount: number) => `${Number(amount.toPrecision(3))}`
  if (unit === '$') return `$${digits(value)}`
  if (unit !== 'B') return unit === '' ? digits(value) : `${digits(value)} ${unit}`
  if (Math.abs(value) < 1e3) return `${digits(value)} B`
  return Math.abs(value) < 1e6 ? `${digits(value / 1e3)} kB` : `${digits(value / 1e6)} MB`
}

/** `12.3 MB` (10⁶ bytes). */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

/** `123 MB/s`, for the median of bytes per second. */
export function megabytesPerSecond(bytesPerSecond: readonly number[]): string {
  return `${(median(bytesPerSecond) / 1e6).toFixed(0)} MB/s`
}
