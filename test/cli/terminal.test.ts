// What commands print to a person's terminal, and what to a program: data alone, without colour and without words beside it.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Io, runCommand } from '../../src/cli/command.ts'
import { topics } from '../../src/cli/commands/topics.ts'

const ESCAPE = '\u001b'
const TOPICS = [
  { name: 'orders', partitions: 3, records: 1200, sizeBytes: 90, worstGroup: null },
  {
    name: `odd${ESCAPE}[31m`,
    partitions: 1,
    records: null,
    sizeBytes: null,
    worstGroup: { groupId: 'g', lag: 7 },
  },
]

beforeEach(() => {
  vi.stubEnv('NO_COLOR', '')
  vi.stubEnv('TERM', 'xterm')
  vi.stubGlobal('fetch', async (_: URL, { method = 'GET' }: RequestInit) =>
    method === 'DELETE'
      ? new Response(null, { status: 204 })
      : Response.json({ items: TOPICS, next: null }),
  )
})

afterEach(() => {
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
})

/** Runs a command, at a terminal or not. */
async function run(args: readonly string[], isTty: boolean) {
  const out: string[] = []
  const said: string[] = []
  const io: Io = {
    out: (line) => void out.push(String(line)),
    say: (line) => void said.push(line),
    async *input() {},
    isTty: { in: isTty, out: isTty, err: isTty },
    env: {},
    signal: new AbortController().signal,
  }
  expect(await runCommand(topics, args, io)).toBe(0)
  return { out, said }
}

describe('a list', () => {
  it('for a program is an item a line, its columns between tabs, and nothing else', async () => {
    const { out, said } = await run(['list'], false)
    expect(out).toEqual(['orders\t3\t1200\t90\t-\t-', 'odd\u{fffd}[31m\t1\t-\t-\t7\tg'])
    expect(said).toEqual([])
  })

  it('for a person has a heading in faint letters, and columns that stand below each other', async () => {
    const { out } = await run(['list'], true)
    expect(out[0]).toMatch(new RegExp(`^${ESCAPE}\\[2mTOPIC +PARTITIONS .*${ESCAPE}\\[22m$`))
    expect(out[1]).toBe('orders             3     1200     90          -  -')
    expect(out.slice(1).join('')).not.toContain(ESCAPE)
  })

  it('has no colour for who wants none', async () => {
    vi.stubEnv('NO_COLOR', '1')
    expect((await run(['list'], true)).out.join('')).not.toContain(ESCAPE)
    vi.stubEnv('NO_COLOR', '')
    vi.stubEnv('TERM', 'dumb')
    expect((await run(['list'], true)).out.join('')).not.toContain(ESCAPE)
  })

  it('is JSON where that was asked for, at a terminal too', async () => {
    const { out, said } = await run(['list', '--json'], true)
    expect(out.map((line) => JSON.parse(line))).toEqual(TOPICS)
    expect(said).toEqual([])
  })
})

describe('what was done', () => {
  it('is told to a person, beside the data; a program has the exit code', async () => {
    expect(await run(['delete', 'orders', '--yes'], true)).toEqual({
      out: [],
      said: ['deleted orders'],
    })
    expect(await run(['delete', 'orders', '--yes'], false)).toEqual({ out: [], said: [] })
  })
})
