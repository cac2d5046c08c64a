// kafka-features: describing, upgrading and downgrading transaction.version and group.version, and what
// becomes of clients while the levels change. Each scenario has a broker of its own: the clients of the
// shared one need its features.

import { start } from '../brokers.ts'
import { fails } from '../failures.ts'
import { Admin, Consumer, Producer, pollUntil, until } from '../handles.ts'
import { type Ran, Tools } from '../java/kafka-tools.ts'
import { check, equal, record, values } from '../records.ts'
import type { Context, Scenario } from '../scenario.ts'

const HEARD_WITHIN_MS = 10_000
const READ_WITHIN_MS = 20_000

export const TOOLS_FEATURES: readonly Scenario[] = [
  {
    name: 'tools/features',
    needs: ['tools'],
    withinMs: 90_000,
    run: (context) => withFeatures(context, levels),
  },
  {
    name: 'tools/features-transactions',
    needs: ['tools'],
    withinMs: 90_000,
    run: (context) => withFeatures(context, (features) => transactions(context, features)),
  },
  {
    name: 'tools/features-groups',
    needs: ['tools'],
    withinMs: 90_000,
    run: (context) => withFeatures(context, (features) => groups(context, features)),
  },
]

/** kafka-features against one broker. */
class Features {
  readonly bootstrap: string
  readonly #tools: Tools
  readonly #open: { close(): Promise<void> }[] = []

  constructor(tools: Tools, bootstrap: string) {
    this.bootstrap = bootstrap
    this.#tools = tools
  }

  /** Closes it before this broker ends: what it was opened on outlives the scenario. */
  kept<T extends { close(): Promise<void> }>(handle: T): T {
    this.#open.push(handle)
    return handle
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#open.map((one) => one.close()))
  }

  run(args: string): Promise<Ran> {
    return this.#tools.run('features', args, { bootstrap: this.bootstrap })
  }

  /** Waits for these levels: the answer goes out when the controller has them, the rest hears it later. */
  becomes(...wanted: readonly RegExp[]): Promise<void> {
    return until(
      { what: `features ${wanted.map(String).join(' and ')}`, withinMs: HEARD_WITHIN_MS },
      async () => {
        const { lines } = await this.run('describe')
        return wanted.every((one) => lines.some((line) => one.test(line)))
      },
    )
  }

  async set(verb: 'upgrade' | 'downgrade', name: string, level: number): Promise<void> {
    const ran = await this.run(`${verb} --feature ${name}=${level}`)
    ran.exits(0).prints(`${name} was ${verb}d to ${level}.`)
  }
}

async function withFeatures(
  context: Context,
  use: (features: Features) => Promise<void>,
): Promise<void> {
  const broker = await start(context.broker)
  const bootstrap = `${broker.address.host}:${broker.address.port}`
  try {
    await Tools.with(context, async (tools) => {
      const features = new Features(tools, bootstrap)
      try {
        await use(features)
      } finally {
        await features.close()
      }
    })
  } finally {
    await broker.stop()
  }
}

function level(name: string, max: number, now: number): RegExp {
  return new RegExp(
    `^Feature: ${name} SupportedMinVersion: 0 SupportedMaxVersion: ${max} FinalizedVersionLevel: ${now} Epoch: \\d+$`,
  )
}

function transactionVersion(now: number): RegExp {
  return level('transaction.version', 2, now)
}

function groupVersion(now: number): RegExp {
  return level('group.version', 1, now)
}

async function levels(features: Features): Promise<void> {
  const before = await features.run('describe')
  before
    .exits(0)
    .has(groupVersion(1), transactionVersion(2))
    .has(/^Feature: metadata.version SupportedMinVersion: \S+ SupportedMaxVersion: \S+ Final/)
  await features.set('upgrade', 'transaction.version', 2)
  ;(await features.run('downgrade --feature transaction.version=1 --dry-run'))
    .exits(0)
    .prints('transaction.version can be downgraded to 1.')
  ;(await features.run('describe')).has(transactionVersion(2))
  await features.set('downgrade', 'transaction.version', 1)
  await features.becomes(transactionVersion(1))
  const after = await features.run('describe')
  const [was, is] = [before, after].map((one) => Number(one.find(/Epoch: (\d+)/)))
  check(Number(is) > Number(was), `a higher epoch than ${was}`, `${is}`)
  await features.set('upgrade', 'transaction.version', 2)
  await features.set('downgrade', 'group.version', 0)
  await features.becomes(groupVersion(0), transactionVersion(2))
  await features.set('upgrade', 'group.version', 1)
  ;(await features.run('upgrade --feature transaction.version=9'))
    .exits(1)
    .has(/^Could not upgrade transaction.version to 9\. .*Invalid update version 9 for feature/)
    .says('1 out of 1 operation(s) failed.')
  ;(await features.run('upgrade --feature transaction.version=1 --dry-run'))
    .exits(1)
    .has(/^Can not upgrade transaction.version to 1\. /)
  ;(await features.run('upgrade --feature nope=1'))
    .exits(1)
    .has(/^Could not upgrade nope to 1\. .*Invalid update version 1 for feature nope/)
  ;(await features.run('describe')).exits(0)
  await features.becomes(groupVersion(1), transactionVersion(2))
}

/** Transactions of both flows, those of one producer too while the level changes under it. */
async function transactions(context: Context, features: Features): Promise<void> {
  const { adapter } = await context.admin()
  const { bootstrap } = features
  const topic = context.name('topic')
  const admin = features.kept(await Admin.open(adapter, context.name('admin'), bootstrap))
  const settled: string[] = []

  async function producer(id: string): Promise<Producer> {
    const config = { transactionalId: id, lingerMs: 0 }
    const name = context.name('producer')
    const opened = features.kept(await Producer.open(adapter, name, bootstrap, config))
    await opened.init()
    return opened
  }
  /** One transaction that commits and one that aborts. */
  async function both(by: Producer, what: string): Promise<void> {
    for (const end of ['commit', 'abort'] as const) {
      const value = `${what} ${end}`
      await by.begin()
      await by.send(topic, [record(null, value, { partition: 0 })])
      await by.send(topic, [record(null, `${value} again`, { partition: 0 })])
      await by[end]()
      if (end === 'commit') settled.push(value, `${value} again`)
    }
  }

  const topics = [{ name: topic, partitions: 1 }]
  await admin.call('admin.createTopics', { topics })
  const stays = await producer(context.name('stays'))
  await both(stays, 'version 2')
  await features.set('downgrade', 'transaction.version', 1)
  await features.becomes(transactionVersion(1))
  await both(stays, 'version 1, opened before')
  const older = await producer(context.name('older'))
  await both(older, 'version 1')
  await features.set('upgrade', 'transaction.version', 2)
  await features.becomes(transactionVersion(2))
  await both(older, 'version 2, opened before')
  await both(stays, 'version 2 again')
  await both(await producer(context.name('newer')), 'version 2, opened after')

  const isolated = { isolation: 'read_committed', offsetReset: 'earliest' } as const
  const name = context.name('reader')
  const reader = features.kept(await Consumer.open(adapter, name, bootstrap, isolated))
  await reader.assign(topic, [0], 'earliest')
  await pollUntil(
    [reader],
    { what: `${settled.length} committed records`, withinMs: READ_WITHIN_MS },
    () => reader.records.length >= settled.length,
  )
  equal(values(reader.records), settled, 'records that read_committed sees')
}

/** Without group.version 1 KIP-848 is not there; classic groups do not care. */
async function groups(context: Context, features: Features): Promise<void> {
  const { adapter } = await context.admin()
  const { bootstrap } = features
  const topic = context.name('topic')
  const admin = features.kept(await Admin.open(adapter, context.name('admin'), bootstrap))
  const topics = [{ name: topic, partitions: 2 }]
  await admin.call('admin.createTopics', { topics })

  async function member(protocol: 'classic' | 'consumer'): Promise<Consumer> {
    const config = { protocol, offsetReset: 'earliest' } as const
    const group = context.name(protocol)
    const name = context.name('member')
    const opened = features.kept(await Consumer.open(adapter, name, bootstrap, config, group))
    await opened.subscribe(topic)
    return opened
  }
  async function joins(consumer: Consumer): Promise<void> {
    await pollUntil(
      [consumer],
      { what: 'both partitions', withinMs: READ_WITHIN_MS },
      () => consumer.assignment.length === 2,
    )
    await consumer.close()
  }

  await joins(await member('consumer'))
  await features.set('downgrade', 'group.version', 0)
  await features.becomes(groupVersion(0))
  const refused = await member('consumer')
  const polled = pollUntil(
    [refused],
    { what: 'an error', withinMs: READ_WITHIN_MS },
    () => refused.assignment.length > 0,
  )
  await fails(polled, ['UNSUPPORTED_VERSION'], 'a KIP-848 member without group.version 1')
  await joins(await member('classic'))
  await features.set('upgrade', 'group.version', 1)
  await features.becomes(groupVersion(1))
  await joins(await member('consumer'))
}
