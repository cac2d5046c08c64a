// The plot of a run as SVG: one bar for each figure that has a goal, on a logarithmic axis of how far it is
// from the goal, so that all of them share one axis. Pure; plot.ts reads and writes the files.

import type { Result, Results } from './results.ts'
import { formatValue, type Goal } from './rounds.ts'

const WIDTH = 860
const ROW = 22
const TOP = 64
const NAMES = 392
const RIGHT = 150
const BOTTOM = 46

/** Ends of the axis: a bar that would go further ends there, and the numbers beside it say how far. */
const LOWEST = 1 / 8
const HIGHEST = 8
const TICKS = [1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8]

/** Legible on white and on the dark of GitHub: no background, middle greys, colours of middle lightness. */
const STYLE = `text{font:12px system-ui,sans-serif;fill:#808890}
.title{font-size:15px;font-weight:600}.small{font-size:11px}.value{font-weight:600}
.met{fill:#2f9e6e}.missed{fill:#d9822b}.tick{stroke:#80889055}.goal{stroke:#808890;stroke-width:1.5}`

/** How many times better than its goal a figure is: 1 is met exactly, 2 twice as good, 0.5 half. */
export function timesGoal(value: number, goal: Goal): number {
  return 'atLeast' in goal ? value / goal.atLeast : goal.atMost / value
}

/** The whole plot. Figures without a goal, such as floors, are not in it. */
export function plotOf(results: Results): string {
  const rows = results.figures.filter((figure) => figure.goal !== null)
  const height = TOP + rows.length * ROW + BOTTOM
  const axisEnd = TOP + rows.length * ROW
  const ticks = TICKS.map((tick) => {
    const x = round(xOf(tick))
    const kind = tick === 1 ? 'goal' : 'tick'
    return `<line class="${kind}" x1="${x}" y1="${TOP - 6}" x2="${x}" y2="${axisEnd}"/>
<text class="small" x="${x}" y="${TOP - 12}" text-anchor="middle">${tickText(tick)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Measured against goal, by figure">
<style>${STYLE}</style>
<text class="title" x="12" y="22">Measured, as a multiple of the goal (logarithmic; right of 1 is better)</text>
${ticks.join('\n')}
<text class="small" x="${WIDTH - 78}" y="${TOP - 12}" text-anchor="end">measured</text>
<text class="small" x="${WIDTH - 8}" y="${TOP - 12}" text-anchor="end">goal</text>
${rows.map(bar).join('\n')}
${caption(results, axisEnd + 22).join('\n')}
</svg>
`
}

function bar(figure: Result, index: number): string {
  const { name, median, goal, unit } = figure
  const times = goal === null ? 1 : timesGoal(median, goal)
  const y = TOP + index * ROW
  const [from, to] = [xOf(1), xOf(times)].toSorted((a, b) => a - b) as [number, number]
  const wanted = goal === null ? '' : goalText(goal, unit)
  return `<g><title>${escaped(`${name}: ${formatValue(median, unit)}, goal ${wanted}. ${figure.detail}`)}</title>
<text x="${NAMES - 10}" y="${y + 14}" text-anchor="end">${escaped(name.trim())}</text>
<rect class="${times >= 1 ? 'met' : 'missed'}" x="${round(from)}" y="${y + 4}" width="${round(Math.max(1, to - from))}" height="${ROW - 8}" rx="2"/>
<text class="small value" x="${WIDTH - 78}" y="${y + 14}" text-anchor="end">${formatValue(median, unit)}</text>
<text class="small" x="${WIDTH - 8}" y="${y + 14}" text-anchor="end">${wanted}</text></g>`
}

function goalText(goal: Goal, unit: Result['unit']): string {
  return 'atLeast' in goal
    ? `≥ ${formatValue(goal.atLeast, unit)}`
    : `≤ ${formatValue(goal.atMost, unit)}`
}

/** The machine and the day, and what could not be measured: a plot that is silent about it would flatter. */
function caption({ machine, mode, systems, failed }: Results, y: number): string[] {
  const { processor, cores, system, disk, node, date } = machine
  const lines = [
    `${processor}, ${cores} cores, ${system}, ${disk}, Node ${node}; ${date}, ${mode} run. Numbers are medians.`,
  ]
  const absent = systems.filter((each) => 'missing' in each).map(({ name }) => name)
  const gone = [...absent, ...failed.map(({ group }) => group)]
  if (gone.length > 0) lines.push(`Not measured: ${gone.join(', ')}.`)
  return lines.map((line, index) => {
    return `<text class="small" x="12" y="${y + index * 15}">${escaped(line)}</text>`
  })
}

function xOf(times: number): number {
  const within = Math.min(HIGHEST, Math.max(LOWEST, times))
  const share = Math.log(within / LOWEST) / Math.log(HIGHEST / LOWEST)
  return NAMES + share * (WIDTH - NAMES - RIGHT)
}

function tickText(tick: number): string {
  return tick < 1 ? `1/${1 / tick}` : `${tick}`
}

function round(value: number): string {
  return value.toFixed(1)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
