// Apache Kafka as one of the systems: one node (KRaft) with its defaults and the JVM settings of its own
// start script, or with every append flushed, which is what an ack of Ottla's means.

import { startKafka as startOracle } from '../../clients/kafka.ts'
import { endedBy, newFolder, run } from '../processes.ts'
import { BROKER_JVM, kafkaJars, kafkaVersion } from './kafka-jars.ts'
import type { KafkaSystem } from './ottla.ts'
import { announce, orMissing } from './system.ts'

/** `default` acknowledges what is in the page cache, `flushed` what is on disk. */
export type KafkaKind = 'default' | 'flushed'

const SETTINGS: Readonly<Record<KafkaKind, Readonly<Record<string, string>>>> = {
  default: {},
  flushed: { 'log.flush.interval.messages': '1' },
}

/** A running Kafka, and when its process was started (performance.now()). */
export type Kafka = KafkaSystem & { readonly spawnedAtMs: number }

const shared = new Map<KafkaKind, Promise<Kafka | null>>()

/**
 * One that figures share, because a JVM that has warmed up is the fairer rival and the run is shorter; its
 * `stop` leaves it running. Null, and said, when it cannot be started.
 */
export async function shareKafka(kind: KafkaKind): Promise<KafkaSystem | null> {
  const starting = shared.get(kind) ?? startKafka(kind)
  shared.set(kind, starting)
  const kafka = await starting
  return kafka && { ...kafka, stop: () => Promise.resolve() }
}

/** Ends those that are shared, so that they do not run beside figures that have nothing to do with them. */
export async function stopSharedKafka(): Promise<void> {
  for (const [kind, starting] of [...shared]) {
    shared.delete(kind)
    await (await starting)?.stop()
  }
}

/** Starts it on an empty formatted folder; null, and said, when it cannot be. */
export function startKafka(kind: KafkaKind): Promise<Kafka | null> {
  const name = `Apache Kafka (${kind})`
  return orMissing(name, async () => {
    const [java] = (await run('java', ['--version'])).split('\n')
    const lib = await kafkaJars()
    process.env.OTTLA_ORACLE_LIB = lib
    const oracle = await startOracle(SETTINGS[kind], { jvm: BROKER_JVM, parent: newFolder() })
    const flush = Object.entries(SETTINGS[kind]).map(([key, value]) => `${key}=${value}; `)
    announce({
      name,
      version: kafkaVersion(lib),
      settings: `${flush.join('')}one node, KRaft, combined roles, ${java}, flags as in kafka-server-start.sh (-Xms1G -Xmx1G, G1)`,
    })
    const { pid, spawnedAtMs, kafka, stop } = oracle
    return { pid, spawnedAtMs, kafkaPort: kafka.port, stop: endedBy(stop) }
  })
}
