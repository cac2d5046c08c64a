// The broker that the scenarios of a file share, and the pages they open of it: its data is put there once,
// by whoever comes first. Not a test.

import type { TestContext } from 'vitest'
import { type Broker, startBroker } from '../clients/broker.ts'
import { closeBrowser } from './chromium.ts'
import { type Look, openConsole } from './console.ts'
import type { Watched } from './pages.ts'

/** Fills a broker. Returns how to let go of it. */
export type Fill = (broker: Broker, context: TestContext) => Promise<() => void>

/** Leaves a scenario out where something that the data needs is absent. */
export type Needs = (context: TestContext) => Promise<unknown>

/** See the head of this file. Start it before the scenarios, and stop it. */
export class Cluster {
  readonly #fill: Fill
  readonly #needs: Needs
  #broker: Broker | undefined
  #filled: Promise<() => void> | undefined

  constructor(fill: Fill, needs: Needs = () => Promise.resolve()) {
    this.#fill = fill
    this.#needs = needs
  }

  get broker(): Broker {
    if (this.#broker === undefined) throw new Error('start the cluster first')
    return this.#broker
  }

  async start(): Promise<void> {
    this.#broker = await startBroker()
  }

  /** The address of a path. */
  at(path: string): string {
    return `${this.broker.http}${path}`
  }

  /** Waits for the data. */
  async filled(context: TestContext): Promise<void> {
    await this.#needs(context)
    this.#filled ??= this.#fill(this.broker, context)
    await this.#filled
  }

  /** Opens a path of the console, with the data in the cluster. */
  async open(context: TestContext, path: string, look: Look = {}): Promise<Watched> {
    await this.filled(context)
    return openConsole(context, this.at(path), look)
  }

  /** Ends it as a power cut would. */
  kill(): Promise<void> {
    return this.broker.kill()
  }

  /** Starts it again where it was. */
  async goOn(): Promise<void> {
    const { broker } = this
    const args = ['--http-port', new URL(broker.http).port]
    const again = await startBroker({ data: broker.dataDir, args })
    this.#broker = { ...again, stop: () => again.stop().then(broker.stop) }
  }

  async stop(): Promise<void> {
    const letGo = await this.#filled?.catch(() => undefined)
    letGo?.()
    await closeBrowser()
    await this.#broker?.stop()
  }
}
