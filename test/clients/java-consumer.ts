// Apache Kafka's own console consumer as a member of a group, where this machine has Java and the jars of Kafka's tools.
// Not what it is told: scenarios say so.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'vitest'
import { hasTool, leftOut } from './tools.ts'

/** A consumer that runs until it is stopped. */
export interface JavaConsumer {
  /** Values so far. */
  readonly seen: readonly string[]
  /** It leaves its group. */
  stop(): Promise<void>
}

/** Starts one, or leaves the scenario out. @param properties Kafka's, `name=value` */
export function startJavaConsumer(
  context: TestContext,
  { bootstrap, topic, group }: { bootstrap: string; topic: string; group: string },
  properties: readonly string[],
): JavaConsumer {
  const lib = toolsLib()
  if (!hasTool('java') || lib === null) leftOut(context, "Java with the jars of Kafka's tools")
  const args = ['--bootstrap-server', bootstrap, '--topic', topic, '--group', group]
  const flags = ['auto.offset.reset=earliest', ...properties].flatMap((property) => {
    return ['--consumer-property', property]
  })
  const program = ['-Xmx128m', '-cp', join(lib, '*')]
  const tool = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
  const child = spawn('java', [...program, tool, ...args, ...flags], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const seen: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => seen.push(line))
  return {
    seen,
    async stop() {
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      await exit
    },
  }
}

/** A folder with the jars of Kafka's tools: the oracle's, or what the client matrix has fetched. */
function toolsLib(): string | null {
  const matrix = resolve(import.meta.dirname, 'matrix/.build/kafka-tools/lib')
  const folders = [process.env.OTTLA_ORACLE_LIB ?? '', matrix].filter((folder) =>
    existsSync(folder),
  )
  const hasTools = (folder: string) =>
    readdirSync(folder).some((name) => /^kafka-tools-.*\.jar$/.test(name))
  return folders.find(hasTools) ?? null
}
