// External programs that some scenarios need (kcat, curl, lz4, Debian's package lists). Where one is
// absent the scenario says so and is left out, except under OTTLA_REQUIRE_TOOLS=1, which makes it fail.

import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'vitest'

/** True when a program of this name is on PATH. */
export function hasTool(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Leaves the scenario out with a plain word, or fails it when nothing may be absent. */
export function absent(context: TestContext, what: string): never {
  const message = notRun(what)
  if (process.env.OTTLA_REQUIRE_TOOLS === '1') throw new Error(message)
  context.skip(message)
}

/** The same for what a machine may always lack: toolchains other than Node's. */
export function leftOut(context: TestContext, what: string): never {
  context.skip(notRun(what))
}

function notRun(what: string): string {
  return `${what} is absent on this machine: this scenario was not run`
}

/** Asks for programs; see `absent`. */
export function needs(context: TestContext, ...names: readonly string[]): void {
  const missing = names.filter((name) => !hasTool(name))
  if (missing.length > 0) absent(context, missing.join(' and '))
}

/** Runs a program to its end; throws with its standard error when it fails. */
export function run(
  program: string,
  args: readonly string[],
  input?: Uint8Array | string,
): Promise<Buffer> {
  return new Promise((done, failed) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    const out: Buffer[] = []
    const errors: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
    child.stdin.on('error', () => {})
    child.once('error', failed)
    child.once('close', (code) => {
      if (code === 0) done(Buffer.concat(out))
      else failed(new Error(`${program} ${args.join(' ')}: exit ${code}\n${Buffer.concat(errors)}`))
    })
    child.stdin.end(input)
  })
}
