// A broker that comes back on the same port: real clients keep the address they were told. The ports are
// below those that the system gives to outgoing connections, so that none of these takes it meanwhile.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { type Broker, startBroker } from '../../clients/broker.ts'
import type { Random } from '../../simulation/platform/random.ts'

const LOWEST = 20_000
const HIGHEST = 32_000
const RESTARTS_MAX = 20

/** A broker that can be killed and brought back. */
export interface MortalBroker {
  readonly broker: Broker
  /** SIGKILL of workerd, of the launcher or of both; returns when both are gone. */
  kill(which: Victim): Promise<void>
  /** On the same folder and the same port. */
  again(): Promise<void>
  stop(): Promise<void>
}

export const VICTIMS = ['workerd', 'launcher', 'both'] as const
export type Victim = (typeof VICTIMS)[number]

/** Starts a broker in a folder, with settings by Kafka's names. */
export async function startMortal(
  data: string,
  settings: Readonly<Record<string, string>>,
  random: Random,
): Promise<MortalBroker> {
  const port = await freePort(random)
  const sets = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`])
  const begin = () => startBroker({ data, args: ['--kafka-port', String(port), ...sets] })
  let broker = await begin()
  return {
    get broker() {
      return broker
    },
    async kill(which) {
      const workerd = broker.workerdPid()
      if (which === 'both') await broker.kill()
      else process.kill(which === 'workerd' ? workerd : broker.pid, 'SIGKILL')
      while (runs(workerd) || runs(broker.pid)) await new Promise((done) => setTimeout(done, 5))
    },
    async again() {
      for (let attempt = 1; ; attempt++) {
        try {
          broker = await begin()
          return
        } catch (error) {
          // A client that tries to connect may have taken the port for itself for a moment.
          if (attempt === RESTARTS_MAX || !String(error).includes('already in use')) throw error
        }
      }
    },
    stop: () => broker.stop(),
  }
}

/** A process that was killed and that nobody has asked about yet is still listed, as a zombie. */
function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function freePort(random: Random): Promise<number> {
  for (;;) {
    const port = random.between(LOWEST, HIGHEST)
    const isFree = await new Promise<boolean>((done) => {
      const server = createServer()
      server.once('error', () => done(false))
      server.listen({ port, host: '127.0.0.1' }, () => server.close(() => done(true)))
    })
    if (isFree) return port
  }
}
