// Time from running the launcher to the ready line, and to the first durable append: a connection, a topic of one
// partition and one record that is acknowledged. Against the time bare workerd takes from being run to
// accepting a connection, and against the same on Apache Kafka, whose folder was formatted before.

import { once } from 'node:events'
import { connect } from 'node:net'
import { resolve } from 'node:path'
import { LoadClient } from '../client.ts'
import { launchFloor, prepareFloor } from '../floor.ts'
import { createTopic, produce, produceRequest } from '../kafka.ts'
import { launch } from '../launcher.ts'
import { LeastClient, leastAppend } from '../load/least.ts'
import { end, firstLine, type NodeBinary, newFolder, nodeBinaries, start } from '../processes.ts'
import { byTurns, type Figure, floorFigure, median, ratios, roundsWithinMs } from '../rounds.ts'
import { startKafka } from '../systems/kafka.ts'
import { announceOttla } from '../systems/ottla.ts'

const READY_GOAL = { atMost: 4 }
const KAFKA_GOAL = { atLeast: 30 }

/** Bare workerd and each Node version on this machine, then each of them and Kafka. */
export async function startFigures(quick: boolean): Promise<Figure[]> {
  announceOttla()
  const nodes = await nodeBinaries()
  const { binary, args } = await prepareFloor({ worker: 'empty' })
  const systems: Record<string, () => Promise<number>> = {
    workerd: () => timed(() => workerdAccepts(binary, args)),
  }
  for (const node of nodes) {
    systems[node.version] = () => timed(() => launcherAppends(node))
    systems[`${node.version} ready`] = () => timed(() => launcherIsReady(node))
    systems[`${node.version} boot`] = () => timed(() => nodeBoots(node))
    systems[`${node.version} least`] = () => timed(() => leastAppends(node, 'alone'))
    systems[`${node.version} code`] = () => timed(() => leastAppends(node, 'with code'))
  }
  // The first of each reads its files from disk.
  await byTurns(1, systems)
  const ms = await byTurns(quick ? 5 : 15, systems, roundsWithinMs(quick))
  const workerd = ms.workerd!
  const besideWorkerd = nodes.flatMap(({ version }): Figure[] => {
    const append = ms[version]!
    const ready = ms[`${version} ready`]!
    const boot = ms[`${version} boot`]!
    const least = ms[`${version} least`]!
    const code = ms[`${version} code`]!
    return [
      {
        name: `start to the ready line, Node ${version} / bare workerd`,
        values: ratios(ready, workerd),
        goal: READY_GOAL,
        detail: `${milliseconds(ready)}, bare workerd accepts after ${milliseconds(workerd)}`,
      },
      {
        name: `start to first append, Node ${version} / bare workerd`,
        values: ratios(append, workerd),
        goal: goalOf(version),
        detail: `first durable append after ${milliseconds(append)}, bare workerd accepts after ${milliseconds(workerd)}`,
      },
      {
        name: `  Node ${version} boot / bare workerd`,
        values: ratios(boot, workerd),
        goal: null,
        detail: `${milliseconds(boot)} until a line of its own: the floor of any launcher in Node`,
      },
      floorFigure(
        `Node ${version}, bare workerd, one append / bare workerd`,
        ratios(least, workerd),
        `${milliseconds(least)}: a script that runs workerd, one object, one row, and none of what a broker is`,
      ),
      floorFigure(
        `the same with the broker's modules, unused, and two objects, Node ${version} / bare workerd`,
        ratios(code, workerd),
        `${milliseconds(code)}: workerd parses all modules when it starts; a topic is durable in one object, then a record in another`,
      ),
    ]
  })
  return [...besideWorkerd, ...(await besideKafka(nodes, quick))]
}

function goalOf(version: string) {
  return { atMost: Number(/\d+/.exec(version)?.[0]) >= 24 ? 3 : 4 }
}

async function besideKafka(nodes: readonly NodeBinary[], quick: boolean): Promise<Figure[]> {
  // Once unmeasured: reads the jars from disk, and finds out whether there is a Kafka.
  if ((await kafkaAppends()) === null) return []
  const systems: Record<string, () => Promise<number>> = {
    async kafka() {
      const ms = await kafkaAppends()
      if (ms === null) throw new Error('Kafka started once and not again')
      return ms
    },
  }
  for (const node of nodes) {
    systems[node.version] = () => timed(() => launcherAppends(node))
    systems[`${node.version} least`] = () => timed(() => leastAppends(node, 'alone'))
    systems[`${node.version} code`] = () => timed(() => leastAppends(node, 'with code'))
  }
  const ms = await byTurns(quick ? 1 : 3, systems, roundsWithinMs(quick))
  return nodes.flatMap(({ version }) => {
    const least = ms[`${version} least`]!
    const code = ms[`${version} code`]!
    return [
      {
        name: `start of Apache Kafka / start, Node ${version}`,
        values: ratios(ms.kafka!, ms[version]!),
        goal: KAFKA_GOAL,
        detail: `Kafka's first append on disk after ${milliseconds(ms.kafka!)}, here after ${milliseconds(ms[version]!)}`,
      },
      floorFigure(
        `start of Apache Kafka / Node ${version}, bare workerd, one append`,
        ratios(ms.kafka!, least),
        `${milliseconds(least)} with no broker at all`,
      ),
      floorFigure(
        `start of Apache Kafka / the same with the broker's modules, unused, and two objects, Node ${version}`,
        ratios(ms.kafka!, code),
        `${milliseconds(code)} with no broker at all`,
      ),
    ]
  })
}

/** Milliseconds until `act` resolves; what it gives back is then run to clean up, unmeasured. */
async function timed(act: () => Promise<() => Promise<void>>): Promise<number> {
  const startMs = performance.now()
  const cleanUp = await act()
  const ms = performance.now() - startMs
  await cleanUp()
  return ms
}

async function workerdAccepts(binary: string, args: readonly string[]) {
  const floor = await launchFloor(binary, args, false)
  const socket = connect(floor.tcpPort, '127.0.0.1')
  await once(socket, 'connect')
  return async () => {
    socket.destroy()
    await floor.stop()
  }
}

async function launcherIsReady(node: NodeBinary) {
  const broker = await launch(node.path, null)
  return () => broker.stop()
}

async function launcherAppends(node: NodeBinary) {
  const broker = await launch(node.path, newFolder())
  const client = await firstAppend(broker.kafkaPort)
  return () => {
    client.close()
    return broker.stop()
  }
}

/** The least launcher: a Node that does nothing but run workerd with the least broker, until it has stored a row. */
async function leastAppends(node: NodeBinary, what: Least) {
  const { binary, args } = await leastFloor(what)
  const command = JSON.stringify([binary, ...args])
  const child = start(node.path, [
    '-e',
    `const [binary, ...args] = ${command}
const child = require('node:child_process').spawn(binary, args, { stdio: ['ignore', 'ignore', 'inherit', 3] })
process.on('SIGTERM', () => { child.kill('SIGKILL'); process.exit() })`,
  ])
  const [, port] = await firstLine(child, 3, /"socket":"tcp","port":(\d+)/)
  const client = await LeastClient.open(Number(port))
  await client.once(LEAST_REQUEST)
  if (what === 'with code') await client.once(leastAppend(1_024, 1))
  return async () => {
    client.close()
    await end(child, 'SIGTERM')
  }
}

const LEAST_REQUEST = leastAppend(1_024)

/** Without anything of the broker's, or with what of it any start has: its code and a second object. */
type Least = 'alone' | 'with code'

const prepared = new Map<Least, ReturnType<typeof prepareFloor>>()

function leastFloor(what: Least): ReturnType<typeof prepareFloor> {
  let floor = prepared.get(what)
  if (floor === undefined) {
    const code = what === 'alone' ? {} : { unusedModules: WORKER }
    floor = prepareFloor({ worker: 'least', ...code })
    prepared.set(what, floor)
  }
  return floor
}

/** What the build makes of src/. */
const WORKER = resolve(import.meta.dirname, '../../../dist/worker')

async function kafkaAppends(): Promise<number | null> {
  const kafka = await startKafka('flushed')
  if (kafka === null) return null
  const client = await firstAppend(kafka.kafkaPort)
  const ms = performance.now() - kafka.spawnedAtMs
  client.close()
  await kafka.stop()
  return ms
}

const ONE_RECORD = produceRequest(1)

async function firstAppend(port: number): Promise<LoadClient> {
  const client = await LoadClient.open(port)
  await createTopic(client)
  for (;;) {
    try {
      await produce(client, { request: ONE_RECORD, count: 1, inFlight: 1 })
      return client
    } catch (error) {
      // Kafka answers CreateTopics before the leader of the new partition knows that it is one.
      if (!/error [36]$/.test(String(error))) throw error
    }
  }
}

async function nodeBoots(node: NodeBinary) {
  const child = start(node.path, [
    '-e',
    'process.stdout.write("up\\n"); setTimeout(() => {}, 1000)',
  ])
  await firstLine(child, 1, /up/)
  return () => end(child, 'SIGKILL')
}

function milliseconds(values: readonly number[]): string {
  return `${median(values).toFixed(0)} ms`
}
