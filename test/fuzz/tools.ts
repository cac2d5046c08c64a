// The WebAssembly codecs beside the reference implementations, in Python's cramjam: what ours decodes, the reference
// decodes to the same bytes, and the reference reads what ours has compressed. Ours may refuse more (it is strict
// about what follows a frame, and Snappy's claims), and how often is told. Not run where there is no cramjam.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { lz4Compress, lz4Decompress } from '../../src/core/lz4.ts'
import { snappyCompress, snappyDecompress } from '../../src/core/snappy.ts'
import { Codec } from '../../src/record/compression.ts'
import { randomOf } from './campaign.ts'
import { codecMutant, contentOf, outcome } from './targets/codecs.ts'

const SCRIPT = join(import.meta.dirname, 'reference.py')
const PYTHON = process.env.PYTHON ?? 'python3'
const BOUND = 16 * 1024 * 1024
/** Asked at once, so that neither side waits for the other. */
const BATCH = 200

/** True where Python has what is compared with. */
export function hasReference(): boolean {
  return spawnSync(PYTHON, ['-c', 'import cramjam'], { stdio: 'ignore' }).status === 0
}

interface Question {
  readonly index: number
  readonly codec: 2 | 3
  readonly bytes: Uint8Array
  /** Null where ours refuses. */
  readonly ours: Uint8Array | null
  /** Null for a mutant, else what the reference must find. */
  readonly content: Uint8Array | null
}

/** Compares `count` inputs. Answers whether nothing was found. */
export async function compareWithTools(
  seed: number,
  count: number,
  print: (line: string) => void,
): Promise<boolean> {
  if (!hasReference()) {
    print(
      `${PYTHON} has no module cramjam: nothing was compared (pip install cramjam; PYTHON= names another)`,
    )
    return false
  }
  const reference = new Reference()
  const totals = { compared: 0, agreed: 0, bothRefused: 0, stricter: 0 }
  try {
    for (let from = 0; from < count; from += BATCH) {
      const questions = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) =>
        questionOf(seed, from + i),
      )
      const answers = await reference.ask(questions)
      for (const [i, question] of questions.entries()) {
        const fault = judge(question, answers[i] ?? null, totals)
        if (fault === null) continue
        print(`seed ${seed}, input ${question.index}, codec ${question.codec}: ${fault}`)
        print(Buffer.from(question.bytes).toString('base64'))
        return false
      }
    }
  } finally {
    reference.end()
  }
  const { compared, agreed, bothRefused, stricter } = totals
  print(
    `${compared} inputs: ${agreed} with the same content, ${bothRefused} refused by both, ${stricter} by ours alone`,
  )
  return true
}

function questionOf(seed: number, index: number): Question {
  const random = randomOf(seed, index)
  if (random.chance(0.2)) {
    const content = contentOf(random)
    const codec = random.pick([Codec.snappy, Codec.lz4] as const)
    const compressed = codec === Codec.lz4 ? lz4Compress(content) : snappyCompress(content)
    return { index, codec, bytes: compressed, ours: content, content }
  }
  for (;;) {
    const { codec, bytes } = codecMutant(random)
    const isXerial = bytes[0] === 0x82 && bytes[1] === 0x53
    if ((codec !== Codec.snappy && codec !== Codec.lz4) || isXerial) continue
    const decode = codec === Codec.lz4 ? lz4Decompress : snappyDecompress
    const ours = outcome(() => decode(bytes, BOUND))
    return { index, codec, bytes, ours: typeof ours === 'string' ? null : ours, content: null }
  }
}

function judge(
  { ours, content }: Question,
  theirs: Uint8Array | null,
  totals: { compared: number; agreed: number; bothRefused: number; stricter: number },
): string | null {
  totals.compared++
  if (ours !== null) {
    if (theirs === null)
      return `the reference refuses what ours ${content === null ? 'reads' : 'wrote'}`
    if (Buffer.compare(ours, theirs) !== 0) return 'the reference finds other content'
    totals.agreed++
  } else if (theirs === null) totals.bothRefused++
  else totals.stricter++
  return null
}

/** One Python process. */
class Reference {
  readonly #child: ChildProcess
  #received: Buffer[] = []
  #wake: () => void = () => {}

  constructor() {
    this.#child = spawn(PYTHON, [SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#received.push(chunk)
      this.#wake()
    })
  }

  /** Content of each, or null for what it refuses, in order. */
  async ask(questions: readonly Question[]): Promise<(Uint8Array | null)[]> {
    for (const { codec, bytes } of questions) {
      const head = Buffer.alloc(5)
      head.writeUInt8(codec, 0)
      head.writeUInt32BE(bytes.length, 1)
      this.#child.stdin?.write(Buffer.concat([head, bytes]))
    }
    const answers: (Uint8Array | null)[] = []
    while (answers.length < questions.length) {
      const head = await this.#take(5)
      const content = await this.#take(head.readUInt32BE(1))
      answers.push(head[0] === 1 ? content : null)
    }
    return answers
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#received.reduce((sum, { length: more }) => sum + more, 0) < length) {
      if (this.#child.exitCode !== null) throw new Error('the reference has ended')
      await new Promise<void>((done) => {
        this.#wake = done
      })
    }
    const all = Buffer.concat(this.#received)
    this.#received = [all.subarray(length)]
    return all.subarray(0, length)
  }

  end(): void {
    this.#child.stdin?.end()
  }
}
