// The jars of Apache Kafka and of its performance tools: those of OTTLA_ORACLE_LIB when they are all
// there, else fetched by Maven once, and how Kafka's own scripts would run them.

import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { cached } from '../cache.ts'
import { run } from '../processes.ts'

const POM = resolve(import.meta.dirname, '../../clients/matrix/java/pom.xml')
const VERSION = '4.1.1'

/** What kafka-run-class.sh sets for every program of Kafka's. */
const PERFORMANCE_OPTIONS = [
  '-server',
  '-XX:+UseG1GC',
  '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35',
  '-XX:+ExplicitGCInvokesConcurrent',
  '-Djava.awt.headless=true',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=off',
]

/** The broker's, as kafka-server-start.sh sets them. */
export const BROKER_JVM = ['-Xmx1G', '-Xms1G', ...PERFORMANCE_OPTIONS]
/** The tools', as kafka-producer-perf-test.sh and kafka-consumer-perf-test.sh set them. */
export const TOOL_JVM = ['-Xmx512M', ...PERFORMANCE_OPTIONS]

/** A folder that holds the broker's and the tools' jars. Rejects when they cannot be had. */
export async function kafkaJars(): Promise<string> {
  const named = process.env.OTTLA_ORACLE_LIB
  if (named && hasJars(named)) return named
  const args = ['-q', '-f', POM, 'dependency:copy-dependencies', '-Ptools', `-Dtools=${VERSION}`]
  const folder = await cached('kafka', args, async (into) => {
    await run('mvn', [...args, `-DoutputDirectory=${join(into, 'lib')}`])
  })
  return join(folder, 'lib')
}

function hasJars(folder: string): boolean {
  const names = readdirSync(folder)
  return [`kafka_2.13-${VERSION}`, `kafka-tools-${VERSION}`].every((jar) =>
    names.includes(`${jar}.jar`),
  )
}

/** `4.1.1`, from the name of the broker's jar. */
export function kafkaVersion(folder: string): string {
  const jar = readdirSync(folder).find((name) => /^kafka_2\.13-.*\.jar$/.test(name))
  return /-([\d.]+)\.jar$/.exec(jar ?? '')?.[1] ?? 'unknown'
}
