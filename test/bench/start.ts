// Time from running the launcher to its ready line, against the time bare workerd takes from being run
// to accepting a TCP connection; the boot of Node alone is shown as what no launcher can go below.

import { once } from 'node:events'
import { connect } from 'node:net'
import { launchFloor, prepareFloor } from './floor.ts'
import { launch } from './launcher.ts'
import { end, firstLine, type NodeBinary, nodeBinaries, start } from './processes.ts'
import { byTurns, type Figure, median, ratios } from './rounds.ts'

const GOAL = { atMost: 4 }

/** One figure per Node version on this machine, and one for that Node's own boot. */
export async function startFigures(quick: boolean): Promise<Figure[]> {
  const nodes = await nodeBinaries()
  const { binary, args } = await prepareFloor({ worker: 'empty' })
  const systems: Record<string, () => Promise<number>> = {
    workerd: () => timed(() => workerdAccepts(binary, args)),
  }
  for (const node of nodes) {
    systems[node.version] = () => timed(() => launcherIsReady(node))
    systems[`${node.version} boot`] = () => timed(() => nodeBoots(node))
  }
  // The first of each reads its files from disk.
  await byTurns(1, systems)
  const ms = await byTurns(quick ? 7 : 15, systems)
  const workerd = ms.workerd!
  return nodes.flatMap(({ version }) => {
    const ready = ms[version]!
    const boot = ms[`${version} boot`]!
    return [
      {
        name: `start, Node ${version} / bare workerd`,
        values: ratios(ready, workerd),
        goal: GOAL,
        detail: `ready line after ${milliseconds(ready)}, bare workerd accepts after ${milliseconds(workerd)}`,
      },
      {
        name: `  Node ${version} boot / bare workerd`,
        values: ratios(boot, workerd),
        goal: null,
        detail: `${milliseconds(boot)} until a line of its own: the floor of any launcher in Node`,
      },
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
