// Runs the load generator on librdkafka (native/librdkafka.c) against any broker of the Kafka protocol.

import { compiled } from '../native/compile.ts'
import { run } from '../processes.ts'
import { announce } from '../systems/system.ts'
import { RECORD_BYTES } from './java-tools.ts'

/** Bytes per second of records of 1 KiB, written by so many producers to so many partitions. */
export async function rdkafkaProduce(
  port: number,
  topic: string,
  load: { readonly partitions: number; readonly producers: number; readonly records: number },
): Promise<number> {
  const { partitions, producers, records } = load
  const args = ['produce', port, topic, partitions, producers, records, RECORD_BYTES]
  const { records: acknowledged, ms } = await generate(args)
  return (acknowledged * RECORD_BYTES * 1e3) / ms
}

/** Bytes per second of reading so many records of partition 0 from its beginning. */
export async function rdkafkaConsume(
  port: number,
  topic: string,
  records: number,
): Promise<number> {
  const { bytes, ms } = await generate(['consume', port, topic, records])
  return (bytes * 1e3) / ms
}

/** Milliseconds from when each record was due to be sent; see the open loop in the program. */
export interface Latencies {
  /** To its arrival at a consumer that waits at the end of the partition. */
  readonly arrivals: readonly number[]
  /** To its acknowledgement. */
  readonly acks: readonly number[]
}

/** Sends records of 1 KiB to partition 0 at a fixed rate, for so long. */
export async function rdkafkaEndToEnd(
  port: number,
  topic: string,
  load: { readonly perSecond: number; readonly seconds: number },
): Promise<Latencies> {
  const records = load.perSecond * load.seconds
  const args = ['endtoend', port, topic, load.perSecond, records, RECORD_BYTES]
  const { arrivals, acks } = await generate(args)
  const milliseconds = (values: readonly number[]) => values.map((value) => value / 1e3)
  return { arrivals: milliseconds(arrivals), acks: milliseconds(acks) }
}

/** Compiles the program; to be called, inside orMissing, before a figure that needs it. */
export async function prepareRdkafka(): Promise<true> {
  await compiled('librdkafka', 'librdkafka')
  return true
}

interface Generated {
  readonly version: string
  readonly records: number
  readonly bytes: number
  readonly ms: number
  readonly arrivals: readonly number[]
  readonly acks: readonly number[]
}

async function generate(args: readonly (string | number)[]): Promise<Generated> {
  const program = await compiled('librdkafka', 'librdkafka')
  const result = JSON.parse(await run(program, args.map(String))) as Generated
  announce({
    name: 'librdkafka (load generator)',
    version: result.version,
    settings: 'acks=all, else defaults; linger.ms=0 where latency is measured',
  })
  return result
}
