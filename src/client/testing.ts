// A broker for tests, of Node alone: started in this process's name in a folder of its own, empty again with
// `reset`, and gone with its folder when this process is, even by SIGKILL. Not the launcher (src/cli/start.ts),
// with which it shares how workerd is configured and run; no process of Node stands between.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeFolder } from '../cli/data-folder.ts'
import { parseFlags, type StartOptions } from '../cli/flags.ts'
import { type Listeners, planListeners, thisMachine } from '../cli/listeners.ts'
import { workerdConfig } from '../cli/workerd-config.ts'
import { findWorkerd, runWorkerd, type Workerd } from '../cli/workerd-process.ts'
import { checkStaticConfigs } from '../core/configs.ts'
import { connect, type Ottla, OttlaError } from './client.ts'
import { temporaryFolder } from './testing-folder.ts'
import { createTopics } from './testing-topics.ts'

/** A topic to be made. */
export interface TestTopic {
  /** One by default. */
  readonly partitions?: number
  /** Topic configuration by Kafka's names. */
  readonly configs?: Readonly<Record<string, string | number | boolean>>
}

/** What to start. */
export interface TestBrokerOptions {
  /** By name; there at the start and again after each `reset`. */
  readonly topics?: Readonly<Record<string, TestTopic>>
  /** Broker configuration by Kafka's names, such as `num.partitions`. */
  readonly config?: Readonly<Record<string, string | number | boolean>>
  /** Any free port by default. */
  readonly kafkaPort?: number
  readonly httpPort?: number
}

/** A running broker. */
export interface TestBroker extends AsyncDisposable {
  /** `HOST:PORT`, the bootstrap server of any Kafka client. */
  readonly kafka: string
  /** Of its HTTP API, without a final slash. */
  readonly url: string
  /** A client of it, closed with it. */
  readonly client: Ottla
  /**
   * Deletes every topic and group and makes the topics of the start again. Members of groups are removed; those that
   * live join again and find nothing.
   */
  reset(): Promise<void>
  /** Ends the process and starts it again on the same data and ports, as a crash and a restart would. */
  restart(): Promise<void>
  /** Ends it and removes its data. Safe to call twice. */
  stop(): Promise<void>
}

/** A chosen port is tried by using it. */
const PORT_ATTEMPTS = 20
/** Of a topic that others make, too. */
const MAKE_TRIES = 5
const HERE = fileURLToPath(import.meta.url)
/** dist/, in which the worker and the console are, too. */
const DIST = dirname(dirname(HERE))

/**
 * Starts a broker and waits until it accepts connections and its topics are there.
 * @throws Error when workerd cannot be started, OttlaError when a topic cannot be made
 */
export async function startBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const process = new BrokerProcess(options)
  // Node loads what its fetch needs with the first call: meanwhile workerd starts.
  fetch('data:,').catch(() => {})
  await process.start()
  const client = connect(process.url)
  const broker = new RunningBroker(process, client, options.topics ?? {})
  try {
    await broker.makeTopics()
  } catch (error) {
    await broker.stop()
    throw error
  }
  return broker
}

/** A topic or a group of a list. */
interface Listed {
  readonly name?: string
  readonly groupId?: string
}

class RunningBroker implements TestBroker {
  readonly kafka: string
  readonly url: string
  readonly client: Ottla
  readonly #process: BrokerProcess
  readonly #topics: Readonly<Record<string, TestTopic>>

  constructor(process: BrokerProcess, client: Ottla, topics: Readonly<Record<string, TestTopic>>) {
    this.kafka = process.kafka
    this.url = process.url
    this.client = client
    this.#process = process
    this.#topics = topics
  }

  async reset(): Promise<void> {
    const [topics, groups] = await Promise.all([this.#all('topics'), this.#all('groups')])
    await Promise.all([
      ...topics.map(({ name = '' }) => this.#delete(`/v1/topics/${encodeURIComponent(name)}`)),
      ...groups.map(({ groupId = '' }) =>
        this.#delete(`/v1/groups/${encodeURIComponent(groupId)}?members=remove`),
      ),
    ])
    await this.makeTopics()
  }

  async restart(): Promise<void> {
    await this.#process.restart()
  }

  async stop(): Promise<void> {
    // Whoever waits for this broker waits for nothing.
    const signal = AbortSignal.abort(new Error('the broker was stopped'))
    await Promise.all([this.client.close({ signal }), this.#process.stop()])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Those of the options. */
  async makeTopics(): Promise<void> {
    let topics = this.#topics
    for (let tries = MAKE_TRIES; ; tries--) {
      const there = await createTopics(this.kafka, topics)
      if (there.length === 0) return
      if (tries === 1) throw new Error(`topics that come back again and again: ${there}`)
      // A Kafka client that still asks for them has had them made with what is the default.
      await Promise.all(there.map((name) => this.#delete(`/v1/topics/${encodeURIComponent(name)}`)))
      topics = Object.fromEntries(Object.entries(topics).filter(([name]) => there.includes(name)))
    }
  }

  async #all(what: 'topics' | 'groups'): Promise<Listed[]> {
    const items: Listed[] = []
    for (let after = ''; ; ) {
      const query = after === '' ? '' : `&after=${encodeURIComponent(after)}`
      const response = await this.client.fetch(`/v1/${what}?limit=1000${query}`)
      const page = (await response.json()) as { items: Listed[]; next: string | null }
      items.push(...page.items)
      if (page.next === null) return items
      after = page.next
    }
  }

  async #delete(path: string): Promise<void> {
    try {
      const answer = await this.client.fetch(path, { method: 'DELETE' })
      await answer.body?.cancel()
    } catch (error) {
      // Gone meanwhile.
      if (!(error instanceof OttlaError) || error.status !== 404) throw error
    }
  }
}

/** One workerd on a folder of its own. */
class BrokerProcess {
  readonly #options: StartOptions
  readonly #folder = mkdtempSync(join(temporaryFolder(), 'ottla-test-'))
  readonly #said: string[] = []
  #listeners: Listeners | undefined
  #workerd: Workerd | undefined

  constructor({ config = {}, kafkaPort = 0, httpPort = 0 }: TestBrokerOptions) {
    const settings = Object.entries(config).flatMap(([name, value]) => [
      '--set',
      `${name}=${value}`,
    ])
    const ports = ['--kafka-port', `${kafkaPort}`, '--http-port', `${httpPort}`]
    // As a command line, because that is checked; what the environment says is for the launcher.
    const args = ['start', ...ports, '--data', this.#folder, '--log-level', 'warn', ...settings]
    const parsed = parseFlags(args, {})
    if (parsed.kind !== 'start') {
      rmSync(this.#folder, { recursive: true, force: true })
      throw new TypeError(parsed.kind === 'bad' ? parsed.reason : 'bad options')
    }
    const checked = checkStaticConfigs(parsed.options.config)
    if ('error' in checked) {
      rmSync(this.#folder, { recursive: true, force: true })
      throw new TypeError(`config: ${checked.error}`)
    }
    this.#options = { ...parsed.options, config: checked.configs }
    makeFolder(this.#objects)
  }

  get kafka(): string {
    return this.#listeners?.kafka ?? ''
  }

  get url(): string {
    return `http://${this.#listeners?.http}`
  }

  get #objects(): string {
    return join(this.#folder, 'objects')
  }

  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const plan = await planListeners(this.#options, thisMachine())
      if (plan.kind === 'refused') throw new Error(plan.reason)
      const failure = await this.#run(plan.listeners)
      if (failure === null) return
      const mayRetry = /already in use/.test(failure) && attempt < PORT_ATTEMPTS
      if (mayRetry) continue
      rmSync(this.#folder, { recursive: true, force: true })
      throw new Error(`the broker could not be started: ${failure}`)
    }
  }

  async restart(): Promise<void> {
    const listeners = this.#listeners
    if (listeners === undefined) throw new Error('the broker was stopped')
    this.#workerd?.kill()
    await this.#workerd?.ended
    const failure = await this.#run(listeners)
    if (failure !== null) throw new Error(`the broker could not be started again: ${failure}`)
  }

  async stop(): Promise<void> {
    this.#listeners = undefined
    this.#workerd?.kill()
    await this.#workerd?.ended
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Null when it accepts connections, else why it does not. */
  async #run(listeners: Listeners): Promise<string | null> {
    const binary = findWorkerd(HERE)
    if (binary === null) return 'the workerd package has no binary for this platform'
    // A killed one leaves it behind.
    rmSync(join(this.#folder, 'lock'), { force: true })
    const configPath = join(this.#folder, 'workerd.capnp')
    writeFileSync(configPath, this.#config(listeners), { mode: 0o600 })
    const workerd = runWorkerd({
      binary,
      configPath,
      cwd: this.#folder,
      sockets: listeners.all.length + 1,
      removeAfterKill: this.#folder,
      onLine: (line) => void (this.#said.push(line) > 100 && this.#said.shift()),
    })
    this.#workerd = workerd
    const outcome = await workerd.ready
    if (outcome === 'ready') {
      this.#listeners = listeners
      return null
    }
    workerd.kill()
    await workerd.ended
    return 'message' in outcome ? outcome.message : this.#said.join('\n')
  }

  #config(listeners: Listeners): Uint8Array {
    const folder = join(DIST, 'worker')
    const names = readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name))
    // The first module is the entry.
    names.sort((a, b) => Number(b === 'index.js') - Number(a === 'index.js'))
    return workerdConfig({
      options: this.#options,
      listeners,
      webDir: join(DIST, 'web'),
      modules: names.map((name) => ({ name, content: readFileSync(join(folder, name)) })),
      objectsDir: this.#objects,
      tier: null,
    })
  }
}
