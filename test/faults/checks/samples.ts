// What a long run measured of a broker, whether it stays flat once warm, and how it is drawn. Pure.

/** One look at a running broker. */
export interface Sample {
  /** Since the start. */
  readonly seconds: number
  /** Resident memory of its process. */
  readonly memoryBytes: number
  /** Of all files in its data folder. */
  readonly fileBytes: number
  /** Records acknowledged since the start. */
  readonly acknowledged: number
}

/** The part of a run that is not judged. */
export const WARM_UP = 0.25
/** Growth from the first to the last quarter behind it that counts as none: what caches and pages vary by. */
const GROWTH_MAX = 0.15
const GROWTH_MIN_BYTES = 16 * 1024 * 1024

export type Measure = 'memoryBytes' | 'fileBytes'

/** How a measure has grown behind the warm-up. */
export interface Growth {
  readonly fromBytes: number
  readonly toBytes: number
  readonly isFlat: boolean
}

/** Compares medians of the first and the last quarter of what is judged: single peaks count for nothing. */
export function growthOf(samples: readonly Sample[], measure: Measure): Growth {
  const judged = samples.slice(Math.floor(samples.length * WARM_UP))
  const quarter = Math.max(1, Math.floor(judged.length / 4))
  const fromBytes = median(judged.slice(0, quarter).map((sample) => sample[measure]))
  const toBytes = median(judged.slice(-quarter).map((sample) => sample[measure]))
  const allowed = Math.max(fromBytes * GROWTH_MAX, GROWTH_MIN_BYTES)
  return { fromBytes, toBytes, isFlat: toBytes <= fromBytes + allowed }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

const BARS = ' ▁▂▃▄▅▆▇█'

/** A line of bars, `columns` of them, from nothing to the highest value. */
export function bars(values: readonly number[], columns = 72): string {
  const highest = Math.max(1, ...values)
  const width = Math.max(1, values.length / columns)
  const count = Math.min(columns, values.length)
  return Array.from({ length: count }, (_, column) => {
    const part = values.slice(Math.floor(column * width), Math.floor((column + 1) * width))
    const bar = Math.round((Math.max(0, ...part) / highest) * (BARS.length - 1))
    return BARS[bar]
  }).join('')
}

const WIDTH = 800
const HEIGHT = 240
const MARGIN = 40

/** Both measures over time, as an SVG. */
export function drawing(samples: readonly Sample[]): string {
  const seconds = Math.max(1, samples.at(-1)?.seconds ?? 1)
  const charts = (['memoryBytes', 'fileBytes'] as const).map((measure, index) => {
    const highest = Math.max(1, ...samples.map((sample) => sample[measure]))
    const points = samples.map((sample) => {
      const x = MARGIN + (sample.seconds / seconds) * (WIDTH - 2 * MARGIN)
      const y = HEIGHT - MARGIN - (sample[measure] / highest) * (HEIGHT - 2 * MARGIN)
      return `${x.toFixed(1)},${y.toFixed(1)}`
    })
    const warm = MARGIN + WARM_UP * (WIDTH - 2 * MARGIN)
    const name = measure === 'memoryBytes' ? 'memory' : 'files'
    return `<g transform="translate(0 ${index * HEIGHT})">
<text x="${MARGIN}" y="24">${name}: up to ${(highest / 1e6).toFixed(1)} MB in ${seconds.toFixed(0)} s</text>
<line x1="${warm}" x2="${warm}" y1="${MARGIN}" y2="${HEIGHT - MARGIN}" stroke="#999" stroke-dasharray="4"/>
<polyline points="${points.join(' ')}" fill="none" stroke="#36c"/>
</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${2 * HEIGHT}" font-family="sans-serif" font-size="14">
<rect width="100%" height="100%" fill="#fff"/>
${charts.join('\n')}
</svg>
`
}
