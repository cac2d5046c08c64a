// The brokers of the matrix, set up alike: Ottla from this tree, the same as a deployment would be (under
// `wrangler dev` with a secret, reached through `ottla proxy`), Apache Kafka from its Maven
// artifacts (OTTLA_ORACLE_LIB names the folder of jars; without it Maven fetches them once).

import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Address, startBroker } from '../broker.ts'
import type { BrokerKind } from '../gaps.ts'
import { startProxy } from '../ottla.ts'
import { startWranglerDev } from '../wrangler-dev.ts'
import { Absent, buildDir, needs } from './clients.ts'
import { askingKafka, askingOttla, LOGIN_USER, loginOf } from './login-brokers.ts'
import type { LoginBroker } from './scenario.ts'
import { AUDIENCE, makeIssuer } from './tokens.ts'

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

/** What a run may be told to test. */
export type BrokerName = BrokerKind | 'proxy'

/** What it is to the list of gaps. */
export function kindOf(name: BrokerName): BrokerKind {
  return name === 'proxy' ? 'ottla' : name
}

export interface RunningBroker {
  readonly kind: BrokerKind
  readonly address: Address
  readonly login: LoginBroker
  stop(): Promise<void>
}

/** Starts one of them on free loopback ports with an empty folder. */
export async function start(name: BrokerName): Promise<RunningBroker> {
  const kind = kindOf(name)
  if (kind === 'kafka') {
    process.env.OTTLA_ORACLE_LIB ??= fetchJars()
    const asking = await askingKafka({ ...ON_BOTH, ...ON_KAFKA })
    return { kind, ...asking }
  }
  const built = spawnSync(process.execPath, [join(ROOT, 'src/cli/from-source.mjs'), 'stale'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (built.status !== 0) throw new Error('Ottla does not build')
  if (name === 'proxy') return startBehindProxy()
  const args = Object.entries(ON_BOTH).flatMap(([key, value]) => ['--set', `${key}=${value}`])
  const { kafka, stop } = await startBroker({ args })
  const asking = await askingOttla()
  const stopBoth = async () => {
    await stop()
    await asking.stop()
  }
  return { kind, address: kafka, login: asking.login, stop: stopBoth }
}

async function startBehindProxy(): Promise<RunningBroker> {
  const secret = { OTTLA_SECRET: randomUUID() }
  const issuer = await makeIssuer(LOGIN_USER)
  const config = JSON.stringify({
    ...ON_BOTH,
    'super.users': `User:${LOGIN_USER}`,
    'sasl.oauthbearer.expected.audience': AUDIENCE,
  })
  const keys = { OTTLA_OAUTH_KEYS: issuer.jwks }
  const worker = await startWranglerDev({ ...secret, ...keys, OTTLA_CONFIG: config })
  try {
    const proxy = await startProxy(worker.http, { env: secret })
    const stop = async () => {
      await proxy.stop()
      await worker.stop()
    }
    // Whoever logs in behind the proxy is that user, whatever opened the tunnel.
    const login = await loginOf(worker.http, secret.OTTLA_SECRET, proxy.kafka, issuer)
    return { kind: 'ottla', address: proxy.kafka, login, stop }
  } catch (error) {
    await worker.stop()
    throw error
  }
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
