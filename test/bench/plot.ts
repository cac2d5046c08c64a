// Makes the plot of a run: `node test/bench/plot.ts [RESULTS.json [PLOT.svg]]`, by default the two files
// beside this one, which the README shows. Not a measurement.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { plotOf } from './plot-svg.ts'
import type { Results } from './results.ts'

const [json = join(import.meta.dirname, 'figures.json'), svg = json.replace(/\.json$/, '.svg')] =
  process.argv.slice(2)
const results = JSON.parse(readFileSync(json, 'utf8')) as Results
writeFileSync(svg, plotOf(results))
console.log(svg)
