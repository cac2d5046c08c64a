// kcat as processes: one that ends (produce, query), or one that reads until it is told to stop. They
// stay in the adapter's process group, so that its crash is theirs.

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** What librdkafka says of a failure, and Kafka's name of it. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/Message size too large/, 'MESSAGE_TOO_LARGE'],
  [/Unknown topic or partition/, 'UNKNOWN_TOPIC_OR_PARTITION'],
  [/Unknown topic/, '_UNKNOWN_TOPIC'],
  [/Unknown partition/, '_UNKNOWN_PARTITION'],
  [/fenced by other consumer/, 'FENCED_INSTANCE_ID'],
  [/no previously committed offset|No offset stored/i, 'NO_OFFSET'],
  [/Offset out of range/, 'OFFSET_OUT_OF_RANGE'],
]

/** kcat failed, with what it wrote to standard error. */
export class KcatError extends Error {
  readonly code: string
  constructor(stderr: string) {
    super(stderr.trim())
    this.code = NAMES.find(([pattern]) => pattern.test(stderr))?.[1] ?? 'KCAT'
  }
}

/** Runs it to its end and gives its standard output. */
export function runKcat(args: readonly string[], input?: Uint8Array): Promise<string> {
  return new Promise((done, failed) => {
    const child = spawn('kcat', args, { stdio: ['pipe', 'pipe', 'pipe'] })
    const out: Buffer[] = []
    const errors: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
    child.stdin.on('error', () => {})
    child.once('error', failed)
    child.once('close', (code) => {
      const said = Buffer.concat(errors).toString()
      // A message that is too large for the client is reported, and the exit is a success.
      if (code === 0 && !/% (ERROR|Delivery failed)/.test(said)) {
        done(Buffer.concat(out).toString())
      } else failed(new KcatError(said))
    })
    child.stdin.end(input)
  })
}

/** A kcat that reads, line by line, until it is stopped. */
export class Reading {
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  #stopped = false

  constructor(
    args: readonly string[],
    on: {
      readonly line: (line: string) => void
      readonly said: (line: string) => void
      readonly failed: (error: KcatError) => void
    },
  ) {
    const errors: string[] = []
    this.#child = spawn('kcat', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      if (!this.#stopped) on.line(line)
    })
    createInterface({ input: this.#child.stderr! }).on('line', (line) => {
      process.stderr.write(`kcat: ${line}\n`)
      errors.push(line)
      if (!this.#stopped) on.said(line)
    })
    this.#exited = new Promise((done) =>
      this.#child.once('close', () => {
        if (!this.#stopped) on.failed(new KcatError(errors.join('\n')))
        done()
      }),
    )
  }

  /** SIGTERM: it leaves its group and ends. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#child.kill('SIGTERM')
    await this.#exited
  }
}
