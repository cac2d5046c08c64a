// The broker a conformance suite talks to: Ottla started here, a real Apache Kafka started here
// (OTTLA_ORACLE=1), or one that already runs (OTTLA_CONFORMANCE_ADDRESS=host:port, taken as Kafka
// unless OTTLA_CONFORMANCE_HTTP names Ottla's HTTP origin). Not a suite itself.

import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest'
import { type Address, type Broker, type BrokerOptions, startBroker } from './broker.ts'
import { type BrokerKind, gapsOf } from './gaps.ts'
import { type Oracle, startKafka } from './kafka.ts'
import { Wire } from './wire.ts'

/** A broker under test. */
export interface Target {
  readonly kind: BrokerKind
  readonly kafka: Address
  /** HTTP origin; Ottla only. */
  readonly http?: string
}

interface Running extends Target {
  stop(): Promise<void>
  /** Ends it as asked and starts it again on the same data; only what was started here can. */
  again?(how: 'stop' | 'kill'): Promise<Running>
}

export interface SuiteOptions {
  /** Broker settings by Kafka's names, for either broker. */
  readonly set?: Readonly<Record<string, string>>
  /** More of them for Apache Kafka alone, where it takes its time and Ottla does not. */
  readonly oracle?: Readonly<Record<string, string>>
  /** More flags and environment for Ottla alone. */
  readonly ottla?: Pick<BrokerOptions, 'args' | 'env'>
}

/** The scenarios of one file against one broker. */
export interface Suite {
  readonly target: Target
  /** A connection that is closed after the running scenario. */
  connect(): Promise<Wire>
  /** A topic name no other scenario uses. */
  topic(): string
  /** Stops the broker, or kills it (SIGKILL), and starts it on the same data and new ports. */
  restart(how: 'stop' | 'kill'): Promise<void>
  /** Registers a scenario that holds on Kafka and on Ottla, gaps.md aside. */
  scenario(title: string, run: (context: TestContext) => Promise<void>): void
}

/** Starts the target before the file's scenarios and stops it after them. */
export function suite(name: string, options: SuiteOptions = {}): Suite {
  const gaps = gapsOf(name)
  const titles = new Set<string>()
  let running: Running | undefined
  let open: Wire[] = []
  let topics = 0

  function target(): Target {
    if (running === undefined) throw new Error('the broker is not started yet')
    return running
  }
  beforeAll(async () => {
    running = await start(options)
  }, 90_000)
  afterAll(async () => {
    await running?.stop()
    const unknown = gaps.filter((gap) => !titles.has(gap.scenario))
    expect(unknown, 'rows of gaps.md that name no scenario').toEqual([])
  }, 30_000)

  return {
    get target() {
      return target()
    },
    async connect() {
      const wire = await Wire.open(target().kafka)
      open.push(wire)
      return wire
    },
    async restart(how) {
      if (running?.again === undefined) throw new Error('this broker is not ours to restart')
      running = await running.again(how)
    },
    topic() {
      topics += 1
      return `${name}-${topics}`
    },
    scenario(title, run) {
      titles.add(title)
      test(title, async (context) => {
        const gap = gaps.find((row) => row.scenario === title && row.on === target().kind)
        if (gap !== undefined) context.skip(gap.reason)
        try {
          await run(context)
        } finally {
          for (const wire of open) wire.close()
          open = []
        }
      })
    },
  }
}

async function start({ set = {}, oracle: more = {}, ottla = {} }: SuiteOptions): Promise<Running> {
  const address = process.env.OTTLA_CONFORMANCE_ADDRESS
  const http = process.env.OTTLA_CONFORMANCE_HTTP
  if (address !== undefined) {
    const [host = '', port = ''] = address.split(/:(?=\d+$)/)
    const kafka = { host, port: Number(port) }
    if (http === undefined) return { kind: 'kafka', kafka, stop: async () => {} }
    return { kind: 'ottla', kafka, http, stop: async () => {} }
  }
  if (process.env.OTTLA_ORACLE === '1') return oracle(await startKafka({ ...set, ...more }))
  const args = Object.entries(set).flatMap(([key, value]) => ['--set', `${key}=${value}`])
  return ours(await startBroker({ ...ottla, args: [...args, ...(ottla.args ?? [])] }))
}

function oracle({ kafka, stop, again }: Oracle): Running {
  return { kind: 'kafka', kafka, stop, again: async (how) => oracle(await again(how)) }
}

function ours(broker: Broker): Running {
  return {
    kind: 'ottla',
    kafka: broker.kafka,
    http: broker.http,
    stop: broker.stop,
    async again(how) {
      if (how === 'kill') await broker.kill()
      return ours(await broker.restart())
    },
  }
}
