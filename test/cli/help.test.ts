// Every example of every help is understood: its command is there, its flags are, and so is what it asks the command to do.

import { parseArgs } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { EXIT, type Io, runCommand } from '../../src/cli/command.ts'
import { COMMANDS } from '../../src/cli/commands.ts'
import { COMMAND_NAMES, HELP, parseFlags } from '../../src/cli/flags.ts'

const WORD = /'[^']*'|"[^"]*"|[^\s|<>'"]+/g

/** The command lines of `ottla` in a help: those that are indented, up to the words that explain them. */
function examplesOf(help: string): string[][] {
  const lines = help.split('\n').filter((line) => /^ {2}\S.*\bottla |^ {2}ottla /.test(line))
  return lines.map((line) => {
    const [, command = ''] =
      /(?:^ {2}|[|] |=\S+ |" )ottla ((?:'[^']*'|"[^"]*"|[^\s|<>'"]+)(?: (?:'[^']*'|"[^"]*"|[^\s|<>'"]+))*)/.exec(
        line,
      ) ?? []
    return [...command.matchAll(WORD)].map(([word]) => word.replace(/^(['"])(.*)\1$/, '$2'))
  })
}

/** A world in which nobody waits for anything. */
function nobody(): Io {
  const signal = AbortSignal.abort(new Error('nobody waits'))
  const isTty = { in: false, out: false, err: false }
  return { out: () => {}, say: () => {}, async *input() {}, isTty, env: {}, signal }
}

afterEach(() => void vi.unstubAllGlobals())

describe('the examples of', () => {
  it.each(COMMANDS)(
    'ottla $name have flags that it knows, and jobs that it does',
    async (command) => {
      vi.stubGlobal('fetch', () => Promise.reject(new Error('nobody answers')))
      const own = examplesOf(command.help).filter(([name]) => name === command.name)
      expect(own.length).toBeGreaterThan(1)
      for (const [, ...args] of own) {
        const options = { args, options: command.flags, allowPositionals: true, strict: true }
        expect(() => parseArgs(options), args.join(' ')).not.toThrow()
        const isForOthers = command.name === 'proxy' || args.some((word) => word.endsWith('-file'))
        if (isForOthers) continue
        expect(await runCommand(command, args, nobody()), args.join(' ')).not.toBe(EXIT.USAGE)
      }
    },
  )

  it('ottla name every command, and start one in ways that it starts', () => {
    const all = examplesOf(HELP)
    expect(COMMAND_NAMES.filter((name) => !all.some(([first]) => first === name))).toEqual([])
    const starts = all.filter(([first]) => first === 'start')
    expect(starts.length).toBeGreaterThan(3)
    for (const args of starts) {
      const env = args.includes('0.0.0.0') ? { OTTLA_SECRET: 'x'.repeat(48) } : {}
      expect(parseFlags(args, env), args.join(' ')).toMatchObject({ kind: 'start' })
    }
  })
})
