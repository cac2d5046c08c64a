// Schemas that are made when they are first asked for: to make one takes some 0.2 ms at first, and most requests need one or
// two. Not the schemas.

/**
 * The members of what `make` makes, which runs when the first of them is looked at. Members that are not named are not
 * there, for nobody can know of them before.
 */
export function lazily<Made extends object, Name extends keyof Made>(
  make: () => Made,
  names: readonly Name[],
): Pick<Made, Name> {
  let made: Made | null = null
  const get = (name: Name) => {
    made ??= make()
    return made[name]
  }
  const members = {}
  for (const name of names) {
    Object.defineProperty(members, name, { enumerable: true, get: () => get(name) })
  }
  return members as Pick<Made, Name>
}

/** All members of both, as lazy as they were. */
export function both<First extends object, Second extends object>(
  first: First,
  second: Second,
): First & Second {
  const members = Object.getOwnPropertyDescriptors(second)
  return Object.defineProperties(first, members) as First & Second
}
