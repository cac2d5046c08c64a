// Hostile clients in a thread of their own, so that whoever measures does not wait for them: the counts come by message.

import { join } from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { Broker } from '../clients/broker.ts'
import type { Group, Port } from './hostile-clients.ts'

/** Which clients, and how many. */
export type Hostile =
  | { readonly kind: 'idle' | 'slow'; readonly port: Port; readonly count: number }
  | { readonly kind: 'slow-bodies'; readonly topic: string; readonly count: number }
  | { readonly kind: 'flood'; readonly count: number }

interface Given {
  readonly hostile: Hostile
  readonly broker: Pick<Broker, 'kafka' | 'http'>
}

const TELL_EVERY_MS = 250

/** Starts them. */
export function hostileThread({ kafka, http }: Broker, hostile: Hostile): Group {
  const given: Given = { hostile, broker: { kafka, http } }
  const thread = new Worker(join(import.meta.dirname, 'hostile-thread.ts'), { workerData: given })
  const counts = { opened: 0, closed: 0, refused: 0 }
  thread.on('message', (told: typeof counts) => Object.assign(counts, told))
  // They could not even begin: that is told, and no reason to end.
  thread.on('error', () => {
    counts.refused += 1
  })
  return { counts, stop: () => void thread.terminate() }
}

async function begin({ hostile, broker }: Given): Promise<Group> {
  await import('./wasm-modules.ts')
  const { idle, slow, slowBodies } = await import('./hostile-clients.ts')
  const at = broker as Broker
  switch (hostile.kind) {
    case 'idle':
      return idle(at, hostile.port, hostile.count)
    case 'slow':
      return slow(at, hostile.port, hostile.count)
    case 'slow-bodies':
      return slowBodies(at, hostile.count, hostile.topic)
    case 'flood':
      return (await import('./flood.ts')).flood(at, hostile.count)
  }
}

if (!isMainThread) {
  const group = await begin(workerData as Given)
  setInterval(() => parentPort?.postMessage(group.counts), TELL_EVERY_MS)
}
