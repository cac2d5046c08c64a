// The commands that speak to a broker, and how a process runs one. A bundle of its own (dist/commands.js): a start
// loads none of it.

import { writeSync } from 'node:fs'
import { type Command, EXIT, type Io, runCommand } from './command.ts'
import { acls } from './commands/acls.ts'
import { bench } from './commands/bench.ts'
import { consume } from './commands/consume.ts'
import { groups } from './commands/groups.ts'
import { produce } from './commands/produce.ts'
import { proxy } from './commands/proxy.ts'
import { topics } from './commands/topics.ts'
import { users } from './commands/users.ts'

/** In the order of the help. */
export const COMMANDS: readonly Command[] = [
  topics,
  produce,
  consume,
  groups,
  users,
  acls,
  bench,
  proxy,
]

/** Runs the command of this name with the process's own streams and signals. Answers the exit code. */
export async function run(name: string, args: readonly string[]): Promise<number> {
  const command = COMMANDS.find((one) => one.name === name)
  if (command === undefined) throw new Error(`no command ${name}`)
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // Who asks twice waits for nothing.
      if (stopping.signal.aborted) process.exit(EXIT.FAILED)
      stopping.abort()
    })
  }
  return runCommand(command, args, processIo(stopping.signal))
}

function processIo(signal: AbortSignal): Io {
  return {
    out: (line) => writeAll(1, line),
    say: (line) => writeAll(2, line),
    input: () => process.stdin,
    isTty: {
      in: process.stdin.isTTY === true,
      out: process.stdout.isTTY === true,
      err: process.stderr.isTTY === true,
    },
    env: process.env,
    signal,
  }
}

const NEWLINE = Buffer.from('\n')

/** A pipe that is full says so; one that nobody reads any more ends us, as it ends every command. */
function writeAll(descriptor: number, line: string | Uint8Array): void {
  let bytes = Buffer.concat([Buffer.from(line), NEWLINE])
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(descriptor, bytes))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
      else if (code === 'EPIPE') process.exit(EXIT.OK)
      else throw error
    }
  }
}
