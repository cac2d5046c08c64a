import type { GroupHistory } from '../actors/group-history.ts'

/**
 * No partition is unowned longer than the timeouts allow: asked when members have been alive and the
 * network whole for longer than all of them. Each partition has one owner then, and it lives.
 */
export function* allOwned(history: GroupHistory, partitions: number): Iterable<string> {
  const { living } = history
  if (living.length === 0) return
  for (let partition = 0; partition < partitions; partition++) {
    const owners = living.filter(({ owned }) => owned.has(partition)).map(({ name }) => name)
    if (owners.length !== 1) {
      const all = living.map(({ name, generation, owned }) => `${name}@${generation}:${[...owned]}`)
      yield `partition ${partition} is owned by ${owners.length}: ${owners} (${all.join(' ')})`
    }
  }
}
