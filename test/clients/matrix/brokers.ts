// The two brokers of the matrix, set up alike: Ottla from this tree, Apache Kafka from its Maven
// artifacts (OTTLA_ORACLE_LIB names the folder of jars; without it Maven fetches them once).

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Address, startBroker } from '../broker.ts'
import type { BrokerKind } from '../gaps.ts'
import { startKafka } from '../kafka.ts'
import { Absent, buildDir, needs } from './clients.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** Kafka's names, set on both: short waits, everything else is the default. */
const ON_BOTH: Readonly<Record<string, string>> = {
  'group.initial.rebalance.delay.ms': '0',
  'group.consumer.heartbeat.interval.ms': '1000',
  'group.consumer.min.heartbeat.interval.ms': '1000',
  'group.consumer.session.timeout.ms': '6000',
  'group.consumer.min.session.timeout.ms': '6000',
}

/** Kafka looks for expired transactions every 10 s, Ottla has an alarm for each. */
const ON_KAFKA: Readonly<Record<string, string>> = {
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500',
}

export interface RunningBroker {
  readonly kind: BrokerKind
  readonly address: Address
  stop(): Promise<void>
}

/** Starts one of them on free loopback ports with an empty folder. */
export async function start(kind: BrokerKind): Promise<RunningBroker> {
  if (kind === 'kafka') {
    process.env.OTTLA_ORACLE_LIB ??= fetchJars()
    const { kafka, stop } = await startKafka({ ...ON_BOTH, ...ON_KAFKA })
    return { kind, address: kafka, stop }
  }
  const built = spawnSync(process.execPath, [join(ROOT, 'src/cli/from-source.mjs'), 'stale'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (built.status !== 0) throw new Error('Ottla does not build')
  const args = Object.entries(ON_BOTH).flatMap(([key, value]) => ['--set', `${key}=${value}`])
  const { kafka, stop } = await startBroker({ args })
  return { kind, address: kafka, stop }
}

function fetchJars(): string {
  const lib = join(buildDir('kafka'), 'lib')
  if (existsSync(lib) && readdirSync(lib).some((name) => name.startsWith('kafka_'))) return lib
  needs('java', 'mvn')
  const pom = join(import.meta.dirname, '../pom.xml')
  const args = ['-q', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${lib}`]
  const { status } = spawnSync('mvn', args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw new Absent('Maven could not fetch Apache Kafka')
  return lib
}
