// One running adapter: a process that speaks protocol.ts. It leads a process group of its own, so that
// `kill` is the crash of everything it started. Not which command that is (clients.ts).

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Answer, Failure, Hello, Request, Verb } from './protocol.ts'

/** How an adapter is started. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

const CALL_WITHIN_MS = 60_000
const CLOSE_WITHIN_MS = 10_000
const STDERR_LINES = 60

/** An answer that is an error. */
export class ClientError extends Error {
  readonly code: string
  readonly fatal: boolean
  readonly abortable: boolean
  readonly retriable: boolean
  constructor(verb: string, failure: Failure) {
    super(`${verb}: ${failure.code}: ${failure.message}`)
    this.code = failure.code
    this.fatal = failure.fatal ?? false
    this.abortable = failure.abortable ?? false
    this.retriable = failure.retriable ?? false
  }
}

interface Waiting {
  readonly verb: string
  readonly done: (answer: unknown) => void
  readonly failed: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

/** A running adapter process. */
export class Adapter {
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  readonly #waiting = new Map<number, Waiting>()
  readonly #stderr: string[] = []
  #lastId = 0
  #ended: string | undefined
  #hello: Hello | undefined

  /** Starts the process and asks who it is. */
  static async start(command: Command): Promise<Adapter> {
    const adapter = new Adapter(command)
    try {
      adapter.#hello = await adapter.call('hello', {})
    } catch (error) {
      await adapter.kill()
      const why = error instanceof Error ? error.message : String(error)
      throw new Error([why, ...adapter.#stderr].join('\n'))
    }
    return adapter
  }

  private constructor({ program, args, env, cwd }: Command) {
    this.#child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    })
    this.#child.stdin?.on('error', () => {})
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#heard(line))
    createInterface({ input: this.#child.stderr! }).on('line', (line) => this.#noted(line))
    this.#exited = new Promise((done) => {
      this.#child.once('error', (error) => {
        this.#end(`${program} could not be started: ${error.message}`)
        done()
      })
      this.#child.once('exit', (code, signal) => {
        this.#end(`the adapter ended (${code ?? signal})`)
        done()
      })
    })
  }

  get hello(): Hello {
    if (this.#hello === undefined) throw new Error('the adapter has not said hello')
    return this.#hello
  }

  get running(): boolean {
    return this.#ended === undefined
  }

  /** The last lines of standard error since the last call of this. */
  takeStderr(): string[] {
    return this.#stderr.splice(0)
  }

  /** One request and its answer. Throws a ClientError for an error answer. */
  call<V extends Verb>(
    verb: V,
    request: Request<V>,
    withinMs = CALL_WITHIN_MS,
  ): Promise<Answer<V>> {
    if (this.#ended !== undefined) return Promise.reject(new Error(`${verb}: ${this.#ended}`))
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((done, failed) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id)
        failed(new Error(`${verb}: no answer from the adapter within ${withinMs} ms`))
      }, withinMs)
      this.#waiting.set(id, { verb, done: (answer) => done(answer as Answer<V>), failed, timer })
      this.#child.stdin?.write(`${JSON.stringify({ id, verb, ...request })}\n`)
    })
  }

  /** SIGSTOP of the process and all it started: a long pause, ended by `thaw`. */
  freeze(): void {
    this.#signal('SIGSTOP')
  }

  thaw(): void {
    this.#signal('SIGCONT')
  }

  /** SIGKILL of the process and all it started: a crash. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL')
    await this.#exited
  }

  /** Ends its input, which asks it to close everything; SIGKILL if it does not. */
  async close(): Promise<void> {
    if (!this.running) return
    const timer = setTimeout(() => this.#signal('SIGKILL'), CLOSE_WITHIN_MS)
    this.#child.stdin?.end()
    await this.#exited
    clearTimeout(timer)
    this.#signal('SIGKILL')
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch {
      // The whole process group is gone already.
    }
  }

  #heard(line: string): void {
    let answer: { id?: unknown; ok?: unknown; error?: Failure }
    try {
      answer = JSON.parse(line)
    } catch {
      this.#noted(`not an answer: ${line.slice(0, 500)}`)
      return
    }
    const waiting = typeof answer.id === 'number' ? this.#waiting.get(answer.id) : undefined
    if (waiting === undefined) return
    this.#waiting.delete(answer.id as number)
    clearTimeout(waiting.timer)
    if (answer.error === undefined) waiting.done(answer.ok ?? {})
    else waiting.failed(new ClientError(waiting.verb, answer.error))
  }

  #noted(line: string): void {
    this.#stderr.push(line)
    if (this.#stderr.length > STDERR_LINES) this.#stderr.shift()
  }

  #end(why: string): void {
    this.#ended ??= why
    for (const { verb, failed, timer } of this.#waiting.values()) {
      clearTimeout(timer)
      failed(new Error(`${verb}: ${why}`))
    }
    this.#waiting.clear()
  }
}
