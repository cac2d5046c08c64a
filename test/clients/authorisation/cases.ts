// The cases of the authorisation matrix: three for each API that needs something, and those that say what rules of some
// kind do to an API that shows, hides or divides.

import { Permission } from '../../../src/security/acl.ts'
import type { Case } from './case.ts'
import { OF_OTHERS } from './of-others.ts'
import { OF_TOPICS } from './of-topics.ts'
import { EVERYTHING, ROWS } from './rows.ts'

const NEEDING = ROWS.filter(({ needs }) => needs.length > 0)

/** Of rows. */
const GENERATED: readonly Case[] = NEEDING.flatMap(
  ({ needs, denies = needs.map(asDenied), ...asked }) => [
    { ...asked, title: `${asked.api.name} with nothing`, rules: [] },
    { ...asked, title: `${asked.api.name} denied`, rules: [...EVERYTHING, ...denies] },
  ],
)

/** These are last: they may remove what the others ask about. */
const ALLOWED: readonly Case[] = NEEDING.map(({ needs, denies: _, ...asked }) => ({
  ...asked,
  title: `${asked.api.name} with what it needs`,
  rules: needs,
  errorsOnly: true,
}))

function asDenied(rule: Case['rules'][number]): Case['rules'][number] {
  return { ...rule, permissionType: Permission.DENY }
}

/** In the order in which they are asked. */
export const CASES: readonly Case[] = [...GENERATED, ...OF_TOPICS, ...OF_OTHERS, ...ALLOWED]
