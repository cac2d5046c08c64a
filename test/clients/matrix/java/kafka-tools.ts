// Kafka's command-line tools as scenarios use them: named as their scripts are, run in the client's
// process (tools/ToolHandle.java), and what they answered, with checks of it.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Adapter } from '../adapter.ts'
import type { ToolOutcome } from '../protocol.ts'
import type { Context } from '../scenario.ts'

/** The scripts of Kafka's bin folder, without `kafka-`, and the class that each runs. */
const MAINS = {
  acls: 'org.apache.kafka.tools.AclCommand',
  'broker-api-versions': 'org.apache.kafka.tools.BrokerApiVersionsCommand',
  cluster: 'org.apache.kafka.tools.ClusterTool',
  configs: 'kafka.admin.ConfigCommand',
  'console-consumer': 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  'console-producer': 'org.apache.kafka.tools.ConsoleProducer',
  'consumer-groups': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  'delete-records': 'org.apache.kafka.tools.DeleteRecordsCommand',
  features: 'org.apache.kafka.tools.FeatureCommand',
  'get-offsets': 'org.apache.kafka.tools.GetOffsetShell',
  groups: 'org.apache.kafka.tools.GroupsCommand',
  'leader-election': 'org.apache.kafka.tools.LeaderElectionCommand',
  'log-dirs': 'org.apache.kafka.tools.LogDirsCommand',
  'metadata-quorum': 'org.apache.kafka.tools.MetadataQuorumCommand',
  'reassign-partitions': 'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
  'streams-application-reset': 'org.apache.kafka.tools.StreamsResetter',
  topics: 'org.apache.kafka.tools.TopicCommand',
  transactions: 'org.apache.kafka.tools.TransactionsCommand',
  'verifiable-consumer': 'org.apache.kafka.tools.VerifiableConsumer',
  'verifiable-producer': 'org.apache.kafka.tools.VerifiableProducer',
} as const

export type Tool = keyof typeof MAINS

/** These finish their work in a shutdown hook of their JVM. */
const FORKED: readonly Tool[] = ['verifiable-consumer', 'verifiable-producer']
/** This one wants its subcommand first. */
const BOOTSTRAP_LAST: readonly Tool[] = ['cluster']
const WITHIN_MS = 30_000

export interface RunOptions {
  readonly stdin?: string
  readonly bootstrap?: string
}

/** What one run of a tool answered. */
export class Ran {
  readonly #command: string
  readonly #outcome: ToolOutcome

  constructor(command: string, outcome: ToolOutcome) {
    this.#command = command
    this.#outcome = outcome
  }

  /** Standard output's lines that are not empty, runs of white space as one space. */
  get lines(): string[] {
    return this.#outcome.stdout
      .split('\n')
      .map((line) => line.trim().replaceAll(/\s+/g, ' '))
      .filter((line) => line !== '')
  }

  /** Throws unless it ended with this code. */
  exits(code: number): this {
    const { exit } = this.#outcome
    return this.#check(exit === code, `exit code ${code}`, exit === null ? 'no end' : `${exit}`)
  }

  /** Throws unless standard output is these lines, in this order. */
  prints(...lines: readonly (string | RegExp)[]): this {
    const seen = this.lines
    const same =
      seen.length === lines.length && lines.every((line, index) => fits(seen[index] ?? '', line))
    return this.#check(same, `the lines ${show(lines)}`, show(seen))
  }

  /** Throws unless standard output is these lines, in any order. */
  printsAnyOrder(...lines: readonly string[]): this {
    const seen = this.lines.toSorted()
    const wanted = lines.toSorted()
    const same = JSON.stringify(seen) === JSON.stringify(wanted)
    return this.#check(same, `the lines ${show(wanted)}`, show(seen))
  }

  /** Throws unless each of these is, or matches, a line of standard output. */
  has(...lines: readonly (string | RegExp)[]): this {
    for (const line of lines) {
      const found = this.lines.some((seen) => fits(seen, line))
      this.#check(found, `a line ${show([line])}`, show(this.lines))
    }
    return this
  }

  /** Throws if a line of standard output matches. */
  lacks(line: string | RegExp): this {
    const found = this.lines.filter((seen) => fits(seen, line))
    return this.#check(found.length === 0, `no line ${show([line])}`, show(found))
  }

  /** Throws unless this is somewhere in what it printed, standard error included. */
  says(...words: readonly string[]): this {
    const { stdout, stderr } = this.#outcome
    for (const word of words) {
      this.#check(`${stdout}\n${stderr}`.includes(word), `the words "${word}"`, 'others')
    }
    return this
  }

  /** The first match of `pattern` in standard output; its group if it has one. */
  find(pattern: RegExp): string {
    const found = pattern.exec(this.#outcome.stdout)
    this.#check(found !== null, `${pattern} in the output`, 'none')
    return found?.[1] ?? found?.[0] ?? ''
  }

  /** Standard output's lines as JSON objects. */
  json(): Record<string, unknown>[] {
    return this.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))
  }

  #check(holds: boolean, expected: string, seen: string): this {
    if (holds) return this
    const { exit, stdout, stderr } = this.#outcome
    throw new Error(
      `${this.#command}: expected ${expected}, seen ${seen}\nexit ${exit}\n${stdout}\n${stderr}`,
    )
  }
}

/** The tools, for one scenario. */
export class Tools {
  readonly #adapter: Adapter
  readonly #handle: string
  readonly #bootstrap: string

  private constructor(adapter: Adapter, handle: string, bootstrap: string) {
    this.#adapter = adapter
    this.#handle = handle
    this.#bootstrap = bootstrap
  }

  /** Opens them for `use` and closes them after it. */
  static async with(context: Context, use: (tools: Tools) => Promise<void>): Promise<void> {
    const { adapter } = await context.admin()
    const handle = context.name('tools')
    await adapter.call('tool.open', { handle })
    try {
      await use(new Tools(adapter, handle, context.bootstrap))
    } finally {
      await adapter.call('tool.close', { handle })
    }
  }

  /** Runs one; `args` as on a command line, split at spaces, without --bootstrap-server. */
  async run(tool: Tool, args: string, options: RunOptions = {}): Promise<Ran> {
    const words = args.split(' ').filter((word) => word !== '')
    const server = ['--bootstrap-server', options.bootstrap ?? this.#bootstrap]
    const all = BOOTSTRAP_LAST.includes(tool) ? [...words, ...server] : [...server, ...words]
    const request = {
      handle: this.#handle,
      main: MAINS[tool],
      args: all,
      timeoutMs: WITHIN_MS,
      fork: FORKED.includes(tool),
      ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
    }
    const outcome = await this.#adapter.call('tool.run', request, WITHIN_MS + 20_000)
    return new Ran(`kafka-${tool} ${args}`, outcome)
  }

  /** Runs one with a file of this text, named in `args` by FILE. */
  async runWithFile(
    tool: Tool,
    args: string,
    text: string,
    options: RunOptions = {},
  ): Promise<Ran> {
    const folder = mkdtempSync(join(tmpdir(), 'ottla-tool-'))
    try {
      const file = join(folder, 'file')
      writeFileSync(file, text)
      return await this.run(tool, args.replace('FILE', file), options)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

function fits(seen: string, wanted: string | RegExp): boolean {
  return typeof wanted === 'string' ? seen === wanted : wanted.test(seen)
}

function show(lines: readonly (string | RegExp)[]): string {
  return `[${lines.map((line) => (typeof line === 'string' ? `"${line}"` : String(line))).join(', ')}]`
}
