// The npm bin: reads the command line and starts the broker, or checks its data. Bundled into dist/ottla.js, beside
// dist/worker, for Node 20 and newer. Start-up time is a promise: what the way to the ready line does
// not need (sockets, name look-ups, Node's own streams) is loaded when it is needed.

import { readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { HELP, parseFlags, type StartOptions } from './flags.ts'
import { failing, start } from './start.ts'

/** The exit code of what was not understood. */
const USAGE = 2

const launcher = join(import.meta.dirname, 'ottla.js')

/** The exit code; null when Node is to end by itself, with `process.exitCode`. */
async function main(): Promise<number | null> {
  const parsed = parseFlags(process.argv.slice(2), process.env)
  switch (parsed.kind) {
    case 'help':
      writeSync(1, HELP)
      return 0
    case 'version':
      writeSync(1, `${version()}\n`)
      return 0
    case 'bad':
      failing(parsed.logJson)(parsed.reason)
      return USAGE
    case 'command': {
      const bundle = pathToFileURL(join(import.meta.dirname, 'commands.js')).href
      const { run } = (await import(bundle)) as typeof import('./commands.ts')
      // As below: nobody waits for threads that wait.
      process.exitCode = await run(parsed.name, parsed.args)
      return null
    }
    case 'verify': {
      const { data, logJson: json } = parsed
      // A bundle of its own, named so that it stays one.
      const bundle = pathToFileURL(join(import.meta.dirname, 'verify.js')).href
      const { verify } = (await import(bundle)) as typeof import('./verify.ts')
      const print = (line: string) => void writeSync(1, `${line}\n`)
      // process.exit waits for V8's compiler threads, and one that waits for this thread to collect garbage never
      // ends: so one run in sixteen of Node 24 hung when all had been said.
      process.exitCode = await verify({ data, json, print, fail: failing(json) })
      return null
    }
    case 'start': {
      const checked = await checkConfig(parsed.options)
      if (typeof checked !== 'string') return start(checked, launcher)
      failing(parsed.options.logJson)(checked)
      return USAGE
    }
  }
}

/** The options with `--set` in canonical form, or what is wrong with it. */
async function checkConfig(options: StartOptions): Promise<StartOptions | string> {
  if (Object.keys(options.config).length === 0) return options
  const { checkStaticConfigs } = await import('../core/configs.ts')
  const checked = checkStaticConfigs(options.config)
  return 'error' in checked ? `--set: ${checked.error}` : { ...options, config: checked.configs }
}

function version(): string {
  const manifest = readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

void main().then((code) => {
  if (code !== null) process.exit(code)
})
