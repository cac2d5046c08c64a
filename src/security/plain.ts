// SASL PLAIN (RFC 4616): one message with user and password. Checked against the same credentials as SCRAM. Not how:
// that is given.

import { PASSWORD_BYTES } from '../core/limits/authentication.ts'
import { SECURITY_NAME_CHARACTERS } from '../core/limits/security.ts'
import { textOf } from '../core/text.ts'
import type { Exchange, Step } from './exchange.ts'
import { principalOf } from './principal.ts'

/** Whether the password is the user's; of who does not exist it costs the same to say no. */
export type CheckPassword = (user: string, password: string) => Promise<boolean>

const NOTHING = new Uint8Array(0)
const MESSAGE_BYTES = PASSWORD_BYTES + 8 * SECURITY_NAME_CHARACTERS

/** One login by PLAIN. */
export function plainExchange(check: CheckPassword): Exchange {
  return {
    async step(token): Promise<Step> {
      const parts = token.length > MESSAGE_BYTES ? [] : (textOf(token) ?? '').split('\0')
      const [authorizationId = '', user = '', password = ''] = parts
      if (parts.length !== 3) return { kind: 'refused', reason: 'not a message of PLAIN' }
      if (user === '') return refused('Authentication failed: username not specified')
      if (password === '') return refused('Authentication failed: password not specified')
      const isRight = user.length <= SECURITY_NAME_CHARACTERS && (await check(user, password))
      if (!isRight) {
        const message = 'Authentication failed: Invalid username or password'
        return { kind: 'refused', reason: 'wrong user or password', user, message }
      }
      if (authorizationId !== '' && authorizationId !== user) {
        return refused(
          'Authentication failed: Client requested an authorization id that is different from username',
        )
      }
      return { kind: 'done', token: NOTHING, principal: principalOf(user), expiresAtMs: null }
    },
  }
}

function refused(message: string): Step {
  return { kind: 'refused', reason: message, message }
}
