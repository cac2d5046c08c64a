// Apache Kafka as one of the systems: one node (KRaft) with its defaults and the JVM settings of its own
// start script, or with every append flushed, which is what an ack of Ottla's means.

import { type Settings, startKafka as startOracle } from '../../clients/kafka.ts'
import { endedBy, freePort, newFolder, run } from '../processes.ts'
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
  const flush = Object.entries(SETTINGS[kind]).map(([key, value]) => `${key}=${value}; `)
  return started(kind, SETTINGS[kind], flush.join(''))
}

/** One whose cleaner looks for work as often as Ottla's does in the figures of the log's life. */
export function startCleaningKafka(backoffMs: number): Promise<Kafka | null> {
  const settings = { 'log.cleaner.backoff.ms': `${backoffMs}` }
  return started('cleaner', settings, `log.cleaner.backoff.ms=${backoffMs}; `)
}

/** One with a listener more, where users log in by SCRAM-SHA-256; who connects to the other one is nobody. */
export async function startScramKafka(): Promise<(Kafka & { readonly scramPort: number }) | null> {
  const scramPort = await freePort()
  const kafka = await started(
    'SCRAM',
    (ports) => {
      const plain = `PLAINTEXT://127.0.0.1:${ports.kafka}`
      const sasl = `SASL_PLAINTEXT://127.0.0.1:${scramPort}`
      return {
        listeners: `${plain},${sasl},CONTROLLER://127.0.0.1:${ports.controller}`,
        'advertised.listeners': `${plain},${sasl}`,
        'listener.security.protocol.map':
          'PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
        'sasl.enabled.mechanisms': 'SCRAM-SHA-256',
        'listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config':
          'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      }
    },
    'a SASL listener for SCRAM-SHA-256; ',
  )
  return kafka && { ...kafka, scramPort }
}

/** @param kind what it is called @param said what is told of its settings */
function started(kind: string, settings: Settings, said: string): Promise<Kafka | null> {
  const name = `Apache Kafka (${kind})`
  return orMissing(name, async () => {
    const [java] = (await run('java', ['--version'])).split('\n')
    const lib = await kafkaJars()
    process.env.OTTLA_ORACLE_LIB = lib
    const oracle = await startOracle(settings, { jvm: BROKER_JVM, parent: newFolder() })
    announce({
      name,
      version: kafkaVersion(lib),
      settings: `${said}one node, KRaft, combined roles, ${java}, flags as in kafka-server-start.sh (-Xms1G -Xmx1G, G1)`,
    })
    const { pid, spawnedAtMs, kafka, stop } = oracle
    return { pid, spawnedAtMs, kafkaPort: kafka.port, stop: endedBy(stop) }
  })
}
