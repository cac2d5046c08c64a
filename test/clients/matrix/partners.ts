// The clients that are the second one of a scenario of two. Not the client under test's own processes.

import { Adapter } from './adapter.ts'
import type { Prepared } from './cells.ts'
import type { Feature } from './protocol.ts'

/** Clients that stand in as the second one, in this order, when a scenario wants two. */
const PARTNERS = ['java-4', 'kafkajs', 'platformatic']

/** Processes of clients that are the second one of a scenario; started when first asked for. */
export class Partners {
  readonly #clients: readonly Prepared[]
  readonly #running = new Map<string, Promise<Adapter>>()

  constructor(clients: readonly Prepared[]) {
    const rank = ({ name }: Prepared) => {
      const at = PARTNERS.findIndex((prefix) => name.startsWith(prefix))
      return at < 0 ? PARTNERS.length : at
    }
    this.#clients = clients.toSorted((a, b) => rank(a) - rank(b))
  }

  async find(not: string, needs: readonly Feature[]): Promise<Adapter | undefined> {
    for (const { name, command } of this.#clients) {
      if (name === not) continue
      const started = this.#running.get(name) ?? Adapter.start(command)
      this.#running.set(name, started)
      const adapter = await started
      if (needs.every((feature) => adapter.hello.features.includes(feature))) return adapter
    }
    return undefined
  }

  async close(): Promise<void> {
    const adapters = await Promise.allSettled(this.#running.values())
    for (const one of adapters) if (one.status === 'fulfilled') await one.value.close()
  }
}
