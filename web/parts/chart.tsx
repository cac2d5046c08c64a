// A line over time, drawn by uPlot in the colours of the theme. A picture for who sees it: whoever shows one
// shows the same as a table too. Points that are not known are gaps.

import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { theme } from '../shell/theme.ts'
import { count } from './format.ts'

const HEIGHT = 200
const FONT = '12px system-ui, sans-serif'

/** What is drawn; `times` in ms since the epoch, in order. */
export interface ChartProps {
  /** What it shows, in words. */
  readonly label: string
  readonly times: readonly number[]
  readonly values: readonly (number | null)[]
}

/** The chart. */
export function Chart({ label, times, values }: ChartProps) {
  const element = useRef<HTMLDivElement>(null)
  const chosen = theme.value
  const drawn = JSON.stringify([times, values])
  useEffect(() => {
    const place = element.current
    if (place === null) return
    let plot = draw(place, times, values)
    const again = () => {
      plot.destroy()
      plot = draw(place, times, values)
    }
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', again)
    const size = new ResizeObserver(() => {
      if (place.clientWidth !== plot.width) plot.setSize(sizeOf(place))
    })
    size.observe(place)
    return () => {
      dark.removeEventListener('change', again)
      size.disconnect()
      plot.destroy()
    }
  }, [drawn, chosen])
  return <div ref={element} class="chart" role="img" aria-label={label} />
}

function sizeOf(place: HTMLElement) {
  return { width: place.clientWidth, height: HEIGHT }
}

function draw(
  place: HTMLElement,
  times: readonly number[],
  values: readonly (number | null)[],
): uPlot {
  const colour = (name: string) => colourOf(place, name)
  const axis = {
    stroke: colour('--muted'),
    font: FONT,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  }
  const widest = count(Math.max(1, ...values.map((value) => value ?? 0)))
  const options: uPlot.Options = {
    ...sizeOf(place),
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 24, 0, 0],
    scales: {
      // What is newest stands clear of the edge: it may be a single dot.
      x: { range: (_plot, min, max) => [min, max + (max - min) * 0.02] },
      y: { range: (_plot, _min, max) => [0, Math.max(1, max) * 1.1] },
    },
    axes: [
      { ...axis, size: 24, values: (_plot, at) => at.map(timeOfDay), space: 72 },
      {
        ...axis,
        size: 24 + widest.length * 8,
        incrs: steps(),
        values: (_plot, at) => at.map((value) => count(value)),
      },
    ],
    series: [
      {},
      {
        stroke: colour('--accent'),
        width: 2,
        fill: colour('--accent-soft'),
        points: { show: true, size: 6, fill: colour('--accent'), filter: () => dots(values) },
      },
    ],
  }
  return new uPlot(options, [times.map((time) => time / 1000), [...values]], place)
}

/** A token as a canvas takes it: the variable itself still has both themes in it. */
function colourOf(place: HTMLElement, name: string): string {
  place.style.color = `var(${name})`
  const { color } = getComputedStyle(place)
  place.style.color = ''
  return color
}

/** Whole numbers only: 1, 2, 5, 10, … */
function steps(): number[] {
  return Array.from({ length: 14 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power)).flat()
}

function timeOfDay(seconds: number): string {
  const date = new Date(seconds * 1000)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}`
}

/** A line needs two points with some way between them: those without a neighbour are dots, and so is the newest. */
function dots(values: readonly (number | null)[]): number[] {
  const isKnown = (at: number) => typeof values[at] === 'number'
  const known = [...values.keys()].filter(isKnown)
  return known.filter((at) => at === known.at(-1) || (!isKnown(at - 1) && !isKnown(at + 1)))
}
