// Builds generator.c with the machine's C compiler and runs it: what does harm in the overload run (overload.ts), in a
// process of the lowest priority, so that it takes from the broker and from whoever measures next to no processor.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** What its connections do; generator.c says more of each. */
export type Kind = 'idle' | 'slow' | 'flood' | 'deaf' | 'churn'

/** What is to be run. */
export interface Load {
  readonly kind: Kind
  readonly port: number
  readonly count: number
  /** Sent once by each connection. */
  readonly first?: Uint8Array
  /** Sent again and again; for `slow` every `pieceMs`. */
  readonly piece?: Uint8Array
  readonly pieceMs?: number
}

/** As it was told last. `held` are open now, the others are totals. */
export interface Counts {
  readonly opened: number
  readonly closed: number
  readonly refused: number
  readonly held: number
  readonly writtenBytes: number
  readonly readBytes: number
}

/** A load that runs. */
export interface Running {
  readonly counts: Counts
  /** Resolves when it has ended. */
  stop(): Promise<void>
}

const LOWEST_PRIORITY = '19'
const NOTHING: Counts = {
  opened: 0,
  closed: 0,
  refused: 0,
  held: 0,
  writtenBytes: 0,
  readBytes: 0,
}

/** The built program; `remove` when all that it runs has ended. */
export class Generator {
  readonly #dir: string
  #files = 0

  private constructor(dir: string) {
    this.#dir = dir
  }

  /** Throws what the compiler said when there is none, or it cannot. */
  static build(): Generator {
    const dir = mkdtempSync(join(tmpdir(), 'ottla-generator-'))
    const source = join(import.meta.dirname, 'generator.c')
    const built = spawnSync('cc', ['-O2', '-o', join(dir, 'generator'), source])
    if (built.status === 0) return new Generator(dir)
    rmSync(dir, { recursive: true, force: true })
    throw new Error(`a C compiler (cc) is needed: ${built.error ?? String(built.stderr)}`)
  }

  start({ kind, port, count, first, piece, pieceMs = 0 }: Load): Running {
    const args = [kind, '127.0.0.1', port, count, this.#file(first), this.#file(piece), pieceMs]
    const program = join(this.#dir, 'generator')
    const child = spawn('nice', ['-n', LOWEST_PRIORITY, program, ...args.map(String)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    return running(child)
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true, force: true })
  }

  #file(bytes: Uint8Array | undefined): string {
    if (bytes === undefined) return '-'
    const path = join(this.#dir, String(this.#files++))
    writeFileSync(path, bytes)
    return path
  }
}

function running(child: ChildProcess): Running {
  const state = { counts: NOTHING }
  const ended = new Promise<void>((done) => child.once('close', () => done()))
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const [opened = 0, closed = 0, refused = 0, held = 0, writtenBytes = 0, readBytes = 0] = line
      .split(' ')
      .map(Number)
    state.counts = { opened, closed, refused, held, writtenBytes, readBytes }
  })
  return {
    get counts() {
      return state.counts
    },
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
