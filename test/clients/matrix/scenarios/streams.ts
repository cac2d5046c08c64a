// Kafka Streams: two instances of a word count (java/streams), exactly once. One is killed in the middle of
// its work and started again on its own state; the counts must come out exactly right, in the output topic
// and in the changelog from which a lost state would be restored.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Adapter } from '../adapter.ts'
import { type Consumer, type Producer, pollUntil, until } from '../handles.ts'
import { check, equal, record, text } from '../records.ts'
import type { Context, Scenario } from '../scenario.ts'

const WORDS = Array.from({ length: 25 }, (_, index) => `word-${index}`)
const WORDS_PER_LINE = 5
const LINES_PER_BATCH = 100
const PARTITIONS = 2
const RUNS_WITHIN_MS = 60_000
/** A session timeout of 6 s, the abort of the dead instance's transaction, and the way back. */
const COUNTED_WITHIN_MS = 90_000

export const STREAMS: readonly Scenario[] = [
  {
    name: 'streams/word-count',
    needs: ['streams'],
    withinMs: 240_000,
    run: (context) =>
      withFolders(2, async (folders) => {
        const story = await Story.of(context, folders)
        await story.start(0)
        await story.start(1)
        await story.running()
        await story.send(5)
        await story.counted()
        await story.matches()
      }),
  },
  {
    name: 'streams/word-count-killed',
    needs: ['streams'],
    withinMs: 240_000,
    run: (context) =>
      withFolders(2, async (folders) => {
        const story = await Story.of(context, folders)
        await story.start(0)
        await story.start(1)
        await story.running()
        await story.send(5)
        await story.counted(500)
        await story.send(5)
        await story.kill(0)
        await story.send(3)
        await story.start(0)
        await story.send(3)
        await story.counted()
        await story.kill(1)
        await story.send(3)
        await story.counted()
        await story.matches()
      }),
  },
]

/** One application: its topics, its instances, what went in and what came out. */
class Story {
  readonly #context: Context
  readonly #application: string
  readonly #input: string
  readonly #output: string
  readonly #folders: readonly string[]
  readonly #producer: Producer
  readonly #reader: Consumer
  readonly #instances = new Map<number, Adapter>()
  readonly #expected = new Map<string, number>()
  #lines = 0

  private constructor(
    context: Context,
    names: { readonly application: string; readonly input: string; readonly output: string },
    folders: readonly string[],
    clients: { readonly producer: Producer; readonly reader: Consumer },
  ) {
    this.#context = context
    this.#application = names.application
    this.#input = names.input
    this.#output = names.output
    this.#folders = folders
    this.#producer = clients.producer
    this.#reader = clients.reader
  }

  static async of(context: Context, folders: readonly string[]): Promise<Story> {
    const application = context.name('application')
    const input = await context.topic(PARTITIONS)
    const output = await context.topic(PARTITIONS)
    const producer = await context.producer()
    const reader = await committedReader(context, output)
    return new Story(context, { application, input, output }, folders, { producer, reader })
  }

  /** Starts an instance on its own folder, the one it had before if it was killed. */
  async start(index: number): Promise<void> {
    const adapter = await this.#context.process()
    const stateDir = this.#folders[index]
    if (stateDir === undefined) throw new Error(`no folder for instance ${index}`)
    const config = {
      applicationId: this.#application,
      input: this.#input,
      output: this.#output,
      stateDir,
    }
    const { bootstrap } = this.#context
    await adapter.call('streams.open', { handle: this.#application, bootstrap, config })
    this.#instances.set(index, adapter)
  }

  async kill(index: number): Promise<void> {
    await this.#instances.get(index)?.kill()
    this.#instances.delete(index)
  }

  /** Waits until all instances say that they run. */
  async running(): Promise<void> {
    let states: string[] = []
    await until(
      { what: 'all instances to run', withinMs: RUNS_WITHIN_MS, seen: () => states.join(' ') },
      async () => {
        const handle = this.#application
        const all = [...this.#instances.values()]
        states = await Promise.all(
          all.map(async (adapter) => (await adapter.call('streams.state', { handle })).state),
        )
        return states.every((state) => state === 'RUNNING')
      },
    )
  }

  /** Sends batches of lines; does not wait for their counts. */
  async send(batches: number): Promise<void> {
    for (let batch = 0; batch < batches; batch += 1) {
      const lines = Array.from({ length: LINES_PER_BATCH }, () => this.#line())
      await this.#producer.send(
        this.#input,
        lines.map((line, index) => record(null, line, { partition: index % PARTITIONS })),
      )
    }
  }

  #line(): string {
    this.#lines += 1
    const words = Array.from({ length: WORDS_PER_LINE }, (_, index) => {
      const at = (this.#lines * 7 + index * index * 3 + ((this.#lines * index) % 11)) % WORDS.length
      return WORDS[at] ?? ''
    })
    for (const word of words) this.#expected.set(word, (this.#expected.get(word) ?? 0) + 1)
    return words.join(' ')
  }

  /** Reads the output until this many words, or all that were sent, are counted. */
  async counted(words = this.#total(this.#expected)): Promise<void> {
    const what = `${words} words to be counted`
    const seen = () => `${this.#total(this.#counts())}`
    await pollUntil(
      [this.#reader],
      { what, withinMs: COUNTED_WITHIN_MS, seen },
      () => this.#total(this.#counts()) >= words,
    )
  }

  /** Throws unless output, changelog and committed offsets all say what was sent, exactly once. */
  async matches(): Promise<void> {
    equal(sorted(this.#counts()), sorted(this.#expected), 'counts in the output')
    const last = new Map<string, number>()
    for (const { key, value } of this.#reader.records) {
      const [word, count] = [text(key) ?? '', Number(text(value))]
      const before = last.get(word) ?? 0
      check(count > before, `counts of ${word} to grow`, `${count} after ${before}`)
      last.set(word, count)
    }
    await this.#changelogMatches()
    await this.#inputIsCommitted()
  }

  async #changelogMatches(): Promise<void> {
    const [changelog, repartition] = ['counts-changelog', 'words-repartition'].map(
      (name) => `${this.#application}-${name}`,
    )
    const admin = await this.#context.admin()
    const topics = [changelog ?? '', repartition ?? '']
    const described = await admin.call('admin.describeTopics', { topics })
    equal(
      described.topics.map(({ partitions }) => partitions.length),
      [PARTITIONS, PARTITIONS],
      'partitions of changelog and repartition topic',
    )
    const reader = await committedReader(this.#context, changelog ?? '')
    const counts = () =>
      new Map(
        reader.records.map(({ key, value }) => [
          text(key) ?? '',
          Number(Buffer.from(value ?? '', 'base64').readBigInt64BE()),
        ]),
      )
    const expected = sorted(this.#expected)
    await pollUntil(
      [reader],
      { what: 'the changelog to have all counts', withinMs: COUNTED_WITHIN_MS },
      () => this.#total(counts()) >= this.#total(this.#expected),
    )
    equal(sorted(counts()), expected, 'counts in the changelog')
  }

  async #inputIsCommitted(): Promise<void> {
    const admin = await this.#context.admin()
    const ends: number[] = []
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      ends.push((await this.#reader.endOffset(this.#input, partition)) ?? -1)
    }
    let seen: (number | null)[] = []
    await until(
      {
        what: `committed offsets [${ends.join(' ')}] of the input`,
        withinMs: COUNTED_WITHIN_MS,
        seen: () => seen.join(' '),
      },
      async () => {
        const { offsets } = await admin.call('admin.listOffsets', { group: this.#application })
        seen = ends.map(
          (_, partition) =>
            offsets.find((one) => one.topic === this.#input && one.partition === partition)
              ?.offset ?? null,
        )
        return JSON.stringify(seen) === JSON.stringify(ends)
      },
    )
  }

  /** The last count of each word that the output has. */
  #counts(): Map<string, number> {
    return new Map(
      this.#reader.records.map(({ key, value }) => [text(key) ?? '', Number(text(value))]),
    )
  }

  #total(counts: ReadonlyMap<string, number>): number {
    return [...counts.values()].reduce((sum, count) => sum + count, 0)
  }
}

async function committedReader(context: Context, topic: string): Promise<Consumer> {
  const reader = await context.consumer({ isolation: 'read_committed', offsetReset: 'earliest' })
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  await reader.assign(topic, all, 'earliest')
  return reader
}

function sorted(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

async function withFolders(
  count: number,
  use: (folders: readonly string[]) => Promise<void>,
): Promise<void> {
  const folders = Array.from({ length: count }, () => mkdtempSync(join(tmpdir(), 'ottla-streams-')))
  try {
    await use(folders)
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
