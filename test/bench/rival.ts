// The other side of a comparison: Apache Kafka with the settings that the figures need, from a folder of
// jars named by OTTLA_ORACLE_LIB (README.md says how to fetch them). Null, and said, when there is none.

import { startKafka } from '../clients/kafka.ts'

/** A broker to compare with. */
export interface Rival {
  /** On 127.0.0.1. */
  readonly kafkaPort: number
  stop(): Promise<void>
}

/** Starts Apache Kafka; the figure `what` is reported as missing when it cannot be. */
export async function startRival(what: string): Promise<Rival | null> {
  if (process.env.OTTLA_ORACLE_LIB === undefined) {
    console.log(`${what}: not compared, OTTLA_ORACLE_LIB names no folder of Apache Kafka's jars`)
    return null
  }
  const { kafka, stop } = await startKafka()
  return { kafkaPort: kafka.port, stop }
}
