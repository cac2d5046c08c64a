// Which figures there are, and how they are chosen, printed and written. What each one measures is in
// the file it comes from.

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { checksumFigures } from './crc.ts'
import { fetchFigures } from './fetch.ts'
import { commitFigures, idleMemberFigures, rebalanceFigures } from './groups.ts'
import { flatMemoryFigures, idleMemoryFigures } from './memory.ts'
import { batchFigures, requestFigures } from './produce.ts'
import { type Figure, formatFigure, isMet, median } from './rounds.ts'
import { startFigures } from './start.ts'
import { transactionFigures } from './transactions.ts'

const GROUPS: Readonly<Record<string, (quick: boolean) => Figure[] | Promise<Figure[]>>> = {
  checksum: checksumFigures,
  start: startFigures,
  memory: idleMemoryFigures,
  produce: batchFigures,
  requests: requestFigures,
  fetch: fetchFigures,
  rebalance: rebalanceFigures,
  commits: commitFigures,
  members: idleMemberFigures,
  transactions: transactionFigures,
  flat: flatMemoryFigures,
}

/** Groups that read /proc. */
const LINUX_ONLY = ['memory', 'requests', 'flat', 'members']

/** Measures what the flags ask for; prints a figure as soon as its group is done. */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      json: { type: 'string' },
    },
  })
  const names = values.only ?? Object.keys(GROUPS)
  const unknown = names.find((name) => !(name in GROUPS))
  if (unknown !== undefined) {
    console.error(`no group ${unknown}; there are ${Object.keys(GROUPS).join(', ')}`)
    process.exitCode = 1
    return
  }
  console.log('Medians of the rounds, by turns; absolute values mean this machine only.\n')
  const figures: Figure[] = []
  for (const name of names) {
    if (process.platform !== 'linux' && LINUX_ONLY.includes(name)) {
      console.log(`${name}: measured on Linux only`)
      continue
    }
    for (const figure of (await GROUPS[name]?.(values.quick)) ?? []) {
      console.log(formatFigure(figure))
      figures.push(figure)
    }
  }
  if (values.json !== undefined) writeFileSync(values.json, toJson(figures))
}

function toJson(figures: readonly Figure[]): string {
  const entries = figures.map((figure) => ({
    ...figure,
    median: median(figure.values),
    met: isMet(figure),
  }))
  return `${JSON.stringify({ node: process.version, figures: entries }, null, 2)}\n`
}
