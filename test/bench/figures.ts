// Which figures there are, and how they are chosen, printed and written. What each one measures is in the
// file it comes from; README.md has them by row.

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { costFigures, idleCostFigures } from './cost.ts'
import { checksumFigures } from './figures/checksum.ts'
import { codecFigures } from './figures/codecs.ts'
import { endToEndFigures } from './figures/end-to-end.ts'
import { fetchFigures } from './figures/fetch.ts'
import { floorFigures } from './figures/floors.ts'
import { commitFigures, idleMemberFigures, rebalanceFigures } from './figures/groups.ts'
import { httpFigures } from './figures/http.ts'
import { flatMemoryFigures, idleMemoryFigures } from './figures/memory.ts'
import { partitionFigures } from './figures/partitions.ts'
import { batchFigures, rowFigures } from './figures/produce.ts'
import { latencyFigures, requestFigures } from './figures/requests.ts'
import { securedFigures } from './figures/secured.ts'
import { startFigures } from './figures/start.ts'
import { tierFigures } from './figures/tier.ts'
import { toolFigures } from './figures/tools.ts'
import { transactionFigures } from './figures/transactions.ts'
import { compactionFigures, lifeFigures } from './life/figures.ts'
import { endLeftovers } from './processes.ts'
import { type FailedGroup, machine, toJson } from './results.ts'
import { type Figure, formatFigure } from './rounds.ts'
import { SCALE_FIGURES, SCALE_ON_LINUX } from './scale/figures.ts'
import { stopSharedKafka } from './systems/kafka.ts'

/** Figures that are measured together, by turns on the same systems. */
interface Group {
  readonly what: string
  /** Left out of --quick when false: it takes long, or seldom moves. */
  readonly quick: boolean
  /** Reads /proc. */
  readonly linux: boolean
  /** Uses the Kafkas that run from one group to the next (shareKafka). */
  readonly sharesKafka?: true
  /** Measured only when it is named: a run of everything has no time for it. */
  readonly onlyByName?: true
  measure(quick: boolean): Figure[] | Promise<Figure[]>
}

const GROUPS: Readonly<Record<string, Group>> = {
  floors: {
    what: 'TCP echo, RPC, insert and scan with no broker',
    quick: true,
    linux: false,
    measure: floorFigures,
  },
  codecs: {
    what: 'CRC-32C and LZ4 in WASM / C',
    quick: true,
    linux: false,
    measure: codecFigures,
  },
  checksum: {
    what: 'CRC-32C in WASM / TypeScript, walking records',
    quick: false,
    linux: false,
    measure: checksumFigures,
  },
  start: {
    what: 'to the first durable append / bare workerd, Kafka',
    quick: true,
    linux: false,
    measure: startFigures,
  },
  memory: {
    what: 'idle resident memory / bare workerd, Kafka',
    quick: true,
    linux: true,
    measure: idleMemoryFigures,
  },
  produce: {
    what: 'batches, one partition / raw insert loop, Kafka default and flushed',
    quick: true,
    linux: false,
    sharesKafka: true,
    measure: batchFigures,
  },
  rows: { what: 'rows written per flush', quick: false, linux: true, measure: rowFigures },
  tools: {
    what: "Kafka's perf tools and librdkafka, rates and broker CPU / Kafka",
    quick: true,
    linux: true,
    sharesKafka: true,
    measure: toolFigures,
  },
  partitions: {
    what: '8 partitions, 4 producers / one partition, Kafka',
    quick: true,
    linux: false,
    sharesKafka: true,
    measure: partitionFigures,
  },
  requests: {
    what: 'one-record requests, 64 in flight / Redis, NATS, Kafka, one commit each',
    quick: true,
    linux: false,
    sharesKafka: true,
    measure: requestFigures,
  },
  latency: {
    what: 'produce latency, one in flight / bare append, Kafka, Redis, NATS',
    quick: true,
    linux: false,
    sharesKafka: true,
    measure: latencyFigures,
  },
  'end-to-end': {
    what: 'latency at 1,000 records/s / Kafka',
    quick: true,
    linux: false,
    sharesKafka: true,
    measure: endToEndFigures,
  },
  fetch: {
    what: 'from storage and at the head / raw scan, transport, Kafka',
    quick: true,
    linux: false,
    measure: fetchFigures,
  },
  http: {
    what: 'HTTP produce of JSON / durable-streams',
    quick: true,
    linux: false,
    measure: httpFigures,
  },
  rebalance: {
    what: 'rebalance of 100 members / Kafka',
    quick: false,
    linux: false,
    sharesKafka: true,
    measure: rebalanceFigures,
  },
  commits: {
    what: 'offset commits / one-record produces',
    quick: false,
    linux: false,
    measure: commitFigures,
  },
  members: {
    what: 'memory and disk of 1,000 idle members',
    quick: false,
    linux: true,
    measure: idleMemberFigures,
  },
  transactions: {
    what: 'transactions of 3 partitions / Kafka',
    quick: false,
    linux: false,
    sharesKafka: true,
    measure: transactionFigures,
  },
  flat: {
    what: 'memory while 1 GB is produced',
    quick: false,
    linux: true,
    measure: flatMemoryFigures,
  },
  compaction: {
    what: 'MB of log a second that are compacted, by codec',
    quick: false,
    linux: true,
    measure: compactionFigures,
  },
  life: {
    what: 'producers while 1 GB is compacted and deleted / nothing is',
    quick: false,
    linux: false,
    measure: lifeFigures,
  },
  secured: {
    what: 'broker CPU with users, rules and quotas / open; a SCRAM login / Kafka',
    quick: false,
    linux: true,
    onlyByName: true,
    measure: securedFigures,
  },
  tier: {
    what: 'what is only in the tier, in a local directory / the same in local rows',
    quick: false,
    linux: false,
    onlyByName: true,
    measure: tierFigures,
  },
  ...slowGroups(),
}

/** Left out of --quick, which has no time for them. */
function slowGroups(): Record<string, Group> {
  const scale = Object.entries(SCALE_FIGURES).map(([name, measure]) => {
    const linux = SCALE_ON_LINUX.includes(name)
    return [name, { what: 'limits and memory at scale: see scale/', quick: false, linux, measure }]
  })
  const cost = (what: string, measure: Group['measure']): Group => {
    return { what, quick: false, linux: true, measure }
  }
  return {
    ...Object.fromEntries(scale),
    cost: cost('dollars per GB in and out, deployed', costFigures),
    'idle-cost': cost('dollars per idle month, deployed', idleCostFigures),
  }
}

/** Measures what the flags ask for; prints a figure as soon as its group is done. */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
    },
  })
  if (values.list) return list()
  const all = Object.keys(GROUPS)
  const usual = all.filter((name) => !GROUPS[name]?.onlyByName)
  const names = values.only ?? usual.filter((name) => !values.quick || GROUPS[name]?.quick)
  const unknown = names.find((name) => !(name in GROUPS))
  if (unknown !== undefined) {
    console.error(`no group ${unknown}; there are ${all.join(', ')}`)
    process.exitCode = 1
    return
  }
  const started = machine()
  const { processor, cores, system, disk, date } = started
  console.log(`${processor}, ${cores} cores, ${system}, data on ${disk}; ${date}`)
  console.log('Medians of the rounds, by turns; absolute values mean this machine only.\n')
  const startedMs = performance.now()
  const figures: (Figure & { readonly group: string })[] = []
  const failed: FailedGroup[] = []
  for (const name of names) {
    const startMs = performance.now()
    if (!GROUPS[name]?.sharesKafka) await stopSharedKafka()
    try {
      for (const figure of await measure(name, values.quick)) {
        console.log(formatFigure(figure))
        figures.push({ ...figure, group: name })
      }
    } catch (error) {
      // One that fails is said, and the others are measured all the same.
      const why = error instanceof Error ? error.message : String(error)
      console.log(`FAILED: ${name}: ${why}`)
      failed.push({ group: name, why })
      process.exitCode = 1
      await stopSharedKafka()
      await endLeftovers()
    }
    console.log(`(${name}: ${((performance.now() - startMs) / 1e3).toFixed(0)} s)\n`)
  }
  await stopSharedKafka()
  const skipped = values.only === undefined ? usual.filter((name) => !names.includes(name)) : []
  console.log(`${((performance.now() - startedMs) / 60e3).toFixed(1)} minutes in all`)
  if (skipped.length > 0) console.log(`left out by --quick: ${skipped.join(', ')}`)
  if (values.json !== undefined) {
    const mode = values.quick ? 'quick' : 'full'
    writeFileSync(values.json, toJson({ machine: started, mode, skipped, figures, failed }))
  }
}

function measure(name: string, quick: boolean): Figure[] | Promise<Figure[]> {
  const group = GROUPS[name]!
  if (group.linux && process.platform !== 'linux') throw new Error('measured on Linux only')
  return group.measure(quick)
}

function list(): void {
  for (const [name, { what, quick, onlyByName }] of Object.entries(GROUPS)) {
    const when = quick ? 'quick' : onlyByName ? '--only' : ''
    console.log(`${name.padEnd(18)}${when.padEnd(6)}  ${what}`)
  }
}
