// SASL OAUTHBEARER (RFC 7628) as Kafka speaks it: one message with a token; who is refused is told so in JSON, says
// that it has read it, and is refused. Not the token: jwt.ts.

import { textOf } from '../core/text.ts'
import type { Exchange, Step } from './exchange.ts'
import type { VerifiedToken } from './jwt.ts'

/** What a token says, or why it is not taken. */
export type CheckToken = (token: string) => Promise<VerifiedToken>

const NOTHING = new Uint8Array(0)
const CONTROL_A = '\u0001'
/** `n,,` or `n,a=NAME,`. */
const HEADER = /^n,(?:a=([^,]*))?,$/
const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i
const encoder = new TextEncoder()

/** One login by OAUTHBEARER. */
export function oauthbearerExchange(check: CheckToken): Exchange {
  let error: { readonly json: string; readonly reason: string } | null = null
  return {
    async step(token): Promise<Step> {
      const text = textOf(token) ?? ''
      if (error !== null) return { kind: 'refused', reason: error.reason, message: error.json }
      // Header, pairs, and nothing twice: each pair ends with a control A, and the message with one more.
      const [header = '', ...pairs] = text.split(CONTROL_A)
      const [, authorization = ''] = HEADER.exec(header) ?? []
      const isWhole = HEADER.test(header) && text.endsWith(CONTROL_A + CONTROL_A)
      const auth = isWhole ? pairs.find((pair) => pair.startsWith('auth=')) : undefined
      const presented = BEARER.exec(auth?.slice('auth='.length) ?? '')?.[1]
      if (presented === undefined)
        return { kind: 'refused', reason: 'not a message of OAUTHBEARER' }
      const verified = await check(presented)
      if (verified.kind === 'refused') {
        const { status, scope } = verified
        const json = JSON.stringify(scope === undefined ? { status } : { status, scope })
        error = { json, reason: verified.reason }
        return { kind: 'challenge', token: encoder.encode(json) }
      }
      const { principal, expiresAtMs } = verified
      if (authorization !== '' && `User:${authorization}` !== principal) {
        return {
          kind: 'refused',
          reason: 'another authorization id',
          message:
            "Authentication failed: Client requested an authorization id that is different from the token's principal name",
        }
      }
      return { kind: 'done', token: NOTHING, principal, expiresAtMs }
    },
  }
}
