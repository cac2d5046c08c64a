// Ottla as one of the systems: the built launcher with a data folder on the disk that all share.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Launched, launch, workerdOf } from '../launcher.ts'
import { newFolder } from '../processes.ts'
import { announce } from './system.ts'

/** The name it is reported under. */
export const OTTLA = 'Ottla'

/** A running broker of either kind, as a load generator sees it. */
export interface KafkaSystem {
  /** Of the process that does the work: workerd, or the JVM. */
  readonly pid: number
  /** Port on 127.0.0.1. */
  readonly kafkaPort: number
  stop(): Promise<void>
}

/** Starts Ottla on an empty folder. */
export async function startOttla(): Promise<KafkaSystem & { readonly launched: Launched }> {
  const launched = await launch(process.execPath, newFolder())
  announceOttla()
  const { kafkaPort, stop } = launched
  return { pid: workerdOf(launched.pid), kafkaPort, stop, launched }
}

/** For figures that start it themselves. */
export function announceOttla(): void {
  const { version, dependencies } = JSON.parse(
    readFileSync(resolve(import.meta.dirname, '../../../package.json'), 'utf8'),
  ) as { version: string; dependencies: { workerd: string } }
  const settings = `workerd ${dependencies.workerd}, launcher on Node ${process.version}; an ack follows the synced commit`
  announce({ name: OTTLA, version, settings })
}
