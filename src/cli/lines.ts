// Cuts bytes into lines without holding more than one of them, and tells when nothing comes for a while.

/** A line without its end; `null` for a pause; what is longer than allowed is told and ends the lines. */
export type Line = Buffer | null | 'too long'

export interface LineOptions {
  readonly lineBytesMax: number
  /** A pause is told after this, once for each. */
  readonly pauseMs: number
}

/** The lines of `input`. The last one need not end with a newline. */
export async function* linesOf(
  input: AsyncIterable<Uint8Array>,
  { lineBytesMax, pauseMs }: LineOptions,
): AsyncGenerator<Line> {
  const iterator = input[Symbol.asyncIterator]()
  let parts: Buffer[] = []
  let held = 0
  let hasNews = false
  let next = iterator.next()
  for (;;) {
    const read = hasNews ? await orPause(next, pauseMs) : await next
    if (read === 'pause') {
      hasNews = false
      yield null
      continue
    }
    if (read.done === true) break
    next = iterator.next()
    let rest = Buffer.from(read.value.buffer, read.value.byteOffset, read.value.byteLength)
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      const line = Buffer.concat([...parts, rest.subarray(0, end)])
      parts = []
      held = 0
      rest = rest.subarray(end + 1)
      hasNews = true
      yield line.length > lineBytesMax ? 'too long' : withoutReturn(line)
    }
    held += rest.length
    if (rest.length > 0) parts.push(rest)
    if (held > lineBytesMax) {
      yield 'too long'
      return
    }
  }
  if (held > 0) yield withoutReturn(Buffer.concat(parts))
}

const NEWLINE = 10
const RETURN = 13

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === RETURN ? line.subarray(0, -1) : line
}

async function orPause<T>(reading: Promise<T>, ms: number): Promise<T | 'pause'> {
  let timer: NodeJS.Timeout | undefined
  const pause = new Promise<'pause'>((done) => {
    timer = setTimeout(() => done('pause'), ms)
  })
  try {
    return await Promise.race([reading, pause])
  } finally {
    clearTimeout(timer)
  }
}
