// What would allow what was refused, as whoever manages the rules would type it. Not whether they should.

import { type Principal, principalOf } from '../security/principal.ts'
import type { Need } from './access-rule.ts'

/** Of the kinds of resources that rules are about from the command line. */
const FLAGS: Readonly<Partial<Record<Need['resource'], string>>> = {
  TOPIC: '--topic',
  GROUP: '--group',
  TRANSACTIONAL_ID: '--transactional-id',
}

const PLAIN = /^[\w.:@/+=,-]+$/

/** The command, ready for a shell; null where `ottla acls` has none for the kind of resource. */
export function allowCommand(
  principal: Principal,
  { operation, resource }: Pick<Need, 'operation' | 'resource'>,
  name: string,
): string | null {
  const flag = FLAGS[resource]
  const user = principal.slice(principalOf('').length)
  // What begins with a dash would be taken for a flag.
  const who = quoted(user.startsWith('-') ? principal : user)
  const allow = `ottla acls allow ${who} ${operation}`
  if (resource === 'CLUSTER') return `${allow} --cluster`
  if (flag === undefined) return null
  return `${allow} ${flag}${name.startsWith('-') ? '=' : ' '}${quoted(name)}`
}

function quoted(word: string): string {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
