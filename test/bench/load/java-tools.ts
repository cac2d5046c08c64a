// Apache Kafka's own load generators, from its jars, against any broker of the protocol. Each run is a JVM
// of its own; the rates are the tools', which count from their first record on.

import { join } from 'node:path'
import { run } from '../processes.ts'
import { kafkaJars, TOOL_JVM } from '../systems/kafka-jars.ts'

/** A record as the tools make and count them. */
export const RECORD_BYTES = 1024

const PRODUCED = /^(\d+) records sent, ([\d.]+) records\/sec/gm

/** Bytes per second of ProducerPerformance with acks=all and batches of 64 KiB. */
export async function producerPerformance(
  port: number,
  topic: string,
  records: number,
): Promise<number> {
  const printed = await tool('ProducerPerformance', [
    ...['--topic', topic, '--num-records', `${records}`, '--record-size', `${RECORD_BYTES}`],
    ...['--throughput', '-1', '--producer-props', `bootstrap.servers=127.0.0.1:${port}`],
    ...['acks=all', 'batch.size=65536'],
  ])
  // Lines of five seconds each may come before the one of the whole run.
  const last = [...printed.matchAll(PRODUCED)].at(-1)
  if (last === undefined || Number(last[1]) !== records) {
    throw new Error(`ProducerPerformance: ${printed}`)
  }
  return Number(last[2]) * RECORD_BYTES
}

/** Columns of its line: see ConsumerPerformance's header. */
const CONSUMED_MESSAGES = 4
const FETCH_MESSAGES_PER_SECOND = 9

/** Bytes per second of ConsumerPerformance from the earliest record on, without the joining of its group. */
export async function consumerPerformance(
  port: number,
  topic: string,
  records: number,
): Promise<number> {
  const printed = await tool('ConsumerPerformance', [
    ...['--bootstrap-server', `127.0.0.1:${port}`, '--topic', topic],
    ...['--messages', `${records}`, '--hide-header'],
  ])
  const columns = printed.trim().split('\n').at(-1)?.split(', ') ?? []
  if (Number(columns[CONSUMED_MESSAGES]) < records) {
    throw new Error(`ConsumerPerformance: ${printed}`)
  }
  return Number(columns[FETCH_MESSAGES_PER_SECOND]) * RECORD_BYTES
}

async function tool(name: string, args: readonly string[]): Promise<string> {
  const classPath = join(await kafkaJars(), '*')
  return run('java', [...TOOL_JVM, '-cp', classPath, `org.apache.kafka.tools.${name}`, ...args])
}
