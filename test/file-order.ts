// The order in which test files are begun: those that mostly compute (pure, workerd) between those that mostly wait
// (clients), so that both are under way at every moment, and what takes longest first, so that no worker has it alone
// at the end. Which file takes how long is not known on a clean clone; what is not named here goes by its size.

import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Half a minute and more each on two cores, longest first. */
const LONGEST = [
  'test/faults/runs/many-partitions.test.ts',
  'test/clients/packages.test.ts',
  'test/simulation/power.test.ts',
  'test/clients/openapi/openapi.test.ts',
  'test/clients/memory.test.ts',
  'test/clients/live.test.ts',
  'test/faults/runs/corruption.test.ts',
  'test/workerd/tunnel.test.ts',
  'test/clients/conformance/retention.test.ts',
  'test/clients/kafkajs-groups.test.ts',
]

/** Projects run one after the other unless they are in one group (vitest.config.ts); within it this is the order. */
export default class FileOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const first = LONGEST.flatMap((name) =>
      sorted.filter(({ moduleId }) => moduleId.endsWith(name)),
    )
    const rest = sorted.filter((file) => !first.includes(file))
    const waits = rest.filter(({ project }) => project.name === 'clients')
    const computes = rest.filter(({ project }) => project.name !== 'clients')
    return [...first, ...mixed(waits, computes)]
  }
}

/** Both lists in their own order, evenly among each other. */
function mixed<T>(one: readonly T[], other: readonly T[]): T[] {
  const placed = [one, other].flatMap((list) =>
    list.map((item, index) => ({ item, at: (index + 0.5) / list.length })),
  )
  return placed.toSorted((a, b) => a.at - b.at).map(({ item }) => item)
}
