// Runs the built launcher as a user would, without npm in front, and tells where it listens. Nothing is
// polled: the ready line is what is waited for.

import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { end, firstLine, start } from './processes.ts'

const LAUNCHER = resolve(import.meta.dirname, '../../dist/ottla.js')
const READY = /^ready kafka=\S+:(\d+) http=\S+:(\d+)$/m

/** A running broker. */
export interface Launched {
  /** Of the launcher. */
  readonly pid: number
  /** Port on 127.0.0.1. */
  readonly kafkaPort: number
  /** The same of its HTTP API. */
  readonly httpPort: number
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>
  /** SIGKILL of workerd, then of the launcher: the files stay as the last commit left them. */
  kill(): Promise<void>
}

/**
 * @param data where the broker keeps its data; null for a temporary folder of its own
 * @param configs broker configuration by Kafka's names: `log.cleaner.backoff.ms=100`
 * @param env such as the secret of a broker that asks everybody who they are
 */
export async function launch(
  node: string,
  data: string | null,
  configs: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Launched> {
  const place = data === null ? ['--ephemeral'] : ['--data', data]
  const flags = ['--kafka-port', '0', '--http-port', '0', '--log-level', 'error']
  const set = configs.flatMap((config) => ['--set', config])
  const child = start(node, [LAUNCHER, 'start', ...place, ...flags, ...set], env)
  const [, kafkaPort, httpPort] = await firstLine(child, 1, READY)
  const pid = child.pid!
  return {
    pid,
    kafkaPort: Number(kafkaPort),
    httpPort: Number(httpPort),
    stop: () => end(child, 'SIGTERM'),
    kill() {
      process.kill(workerdOf(pid), 'SIGKILL')
      return end(child, 'SIGKILL')
    },
  }
}

/** Process id of the launcher's only child. Linux only. */
export function workerdOf(launcher: number): number {
  const children = readFileSync(`/proc/${launcher}/task/${launcher}/children`, 'utf8')
  const [pid, ...others] = children.trim().split(' ')
  if (!pid || others.length > 0) throw new Error(`the launcher has children [${children}]`)
  return Number(pid)
}

/** The objects' folder of a data folder. */
export function objectsOf(data: string): string {
  return join(data, 'objects')
}
