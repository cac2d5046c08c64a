// Who somebody is, in Kafka's terms. Not how it was found out (SASL, HTTP) and not what they may do.

/** As Kafka prints it: the type and the name, `User:alice`. Only users exist. */
export type Principal = `User:${string}`

/** Who has not said who they are. */
export const ANONYMOUS: Principal = 'User:ANONYMOUS'

/** The principal of a user's name. */
export function principalOf(user: string): Principal {
  return `User:${user}`
}

/** The name in a principal. */
export function userOf(principal: Principal): string {
  return principal.slice('User:'.length)
}
