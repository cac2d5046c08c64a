// What a scenario is: who lives in a world, and how it is judged.

import type { World } from '../world.ts'

export interface Scenario {
  readonly name: string
  /** Broker configuration by Kafka's names. */
  readonly configs?: Readonly<Record<string, string>>
  /** Lives through so many events, comes to rest and is judged; violations are noted in the world. */
  run(world: World, events: number): Promise<void>
}
