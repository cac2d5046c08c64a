// The server's side of one SCRAM login (RFC 5802 section 5, as Kafka speaks it: no channel binding): two messages in,
// two out, no PBKDF2 here. Who does not exist is answered as if with a credential (salts.ts) and refused at the end, with
// the words and the cost of a wrong password. Delegation tokens (`tokenauth`) are not served.

import { SCRAM_NONCE_CHARACTERS } from '../core/limits/authentication.ts'
import { SECURITY_NAME_CHARACTERS } from '../core/limits/security.ts'
import { fromBase64, textOf, toBase64 } from '../core/text.ts'
import { areEqual } from './constant-time.ts'
import type { Exchange, Step } from './exchange.ts'
import type { ScramCredential } from './kept.ts'
import { principalOf } from './principal.ts'
import { digest, hmac, type ScramName } from './scram.ts'

/** A credential to go on with, and whether there is such a user at all. */
export interface FoundCredential {
  readonly credential: ScramCredential
  readonly isKnown: boolean
}

/** The credential of a user; a made up one where there is none. */
export type FindCredential = (user: string, mechanism: ScramName) => Promise<FoundCredential>

interface ClientFirst {
  /** As it was sent, without the header: part of what is proven. */
  readonly bare: string
  readonly header: string
  readonly user: string
  readonly authorizationId: string
  readonly nonce: string
  readonly isTokenLogin: boolean
}

interface Asked {
  readonly first: ClientFirst
  readonly found: FoundCredential
  /** The client's nonce and ours. */
  readonly nonce: string
  readonly serverFirst: string
}

const SERVER_NONCE_BYTES = 24
/** `n,` or `n,a=NAME,`; a client that could bind the channel (`y`) is taken as well; who insists (`p=`) is not. */
const FIRST =
  /^([ny],(?:a=([^,]*))?,)((?:m=[^,]*,)?n=([^,]*),r=([!-+\--~]+)((?:,[A-Za-z]=[^,]*)*))$/
const FINAL = /^(c=([^,]*),r=([!-+\--~]+)(?:,[A-Za-z]=[^,]*)*),p=([^,]*)$/
/** Clients that have no channel send this whatever their header was. */
const PLAIN_HEADER = 'n,,'
const encoder = new TextEncoder()

/** One login by SCRAM. @param serverNonce our part of the nonce: printable, without commas */
export function scramExchange(
  mechanism: ScramName,
  find: FindCredential,
  serverNonce: () => string = randomNonce,
): Exchange {
  let asked: Asked | null = null
  return {
    async step(token) {
      const text = textOf(token)
      if (text === null) return malformed('not UTF-8')
      if (asked !== null) return finish(mechanism, asked, text)
      const first = clientFirst(text)
      if (first === null) return malformed('not a first message of SCRAM')
      if (first.isTokenLogin) return malformed('delegation tokens are not served')
      if (first.authorizationId !== '' && first.authorizationId !== first.user) {
        return {
          kind: 'refused',
          reason: 'another authorization id',
          message:
            'Authentication failed: Client requested an authorization id that is different from username',
        }
      }
      const found = await find(first.user, mechanism)
      const nonce = first.nonce + serverNonce()
      const { salt, iterations } = found.credential
      const serverFirst = `r=${nonce},s=${toBase64(salt)},i=${iterations}`
      asked = { first, found, nonce, serverFirst }
      return { kind: 'challenge', token: encoder.encode(serverFirst) }
    },
  }
}

function randomNonce(): string {
  return toBase64(crypto.getRandomValues(new Uint8Array(SERVER_NONCE_BYTES)))
}

async function finish(mechanism: ScramName, asked: Asked, text: string): Promise<Step> {
  const [, withoutProof = '', binding = '', nonce, proof64 = ''] = FINAL.exec(text) ?? []
  if (nonce === undefined) return malformed('not a final message of SCRAM')
  const { first, found, serverFirst } = asked
  // librdkafka before 2.6.1, and with it Debian's kcat, puts its own in front of the whole once more. Kafka refuses that
  // since CVE-2024-56128; here ours must be there whole, and last, so nothing that was heard before can be said again.
  const isOurs = nonce === asked.nonce || nonce === first.nonce + asked.nonce
  if (!isOurs) return malformed('another nonce')
  const header = textOf(fromBase64(binding) ?? new Uint8Array(0))
  if (header !== first.header && header !== PLAIN_HEADER) return malformed('another header')
  const { storedKey, serverKey } = found.credential
  const proven = encoder.encode(`${first.bare},${serverFirst},${withoutProof}`)
  const signature = await hmac(mechanism, storedKey, proven)
  const proof = fromBase64(proof64) ?? new Uint8Array(0)
  const clientKey = signature.map((byte, at) => byte ^ (proof[at] ?? 0))
  const isRight = areEqual(await digest(mechanism, clientKey), storedKey)
  const answer = `v=${toBase64(await hmac(mechanism, serverKey, proven))}`
  if (!isRight || !found.isKnown || proof.length !== signature.length) {
    return { kind: 'refused', reason: 'wrong user or password', user: first.user }
  }
  const principal = principalOf(first.user)
  return { kind: 'done', token: encoder.encode(answer), principal, expiresAtMs: null }
}

function clientFirst(text: string): ClientFirst | null {
  const [, header = '', authorization = '', bare, name = '', nonce = '', extensions = ''] =
    FIRST.exec(text) ?? []
  const user = saslName(name)
  const authorizationId = authorization === '' ? '' : saslName(authorization)
  if (bare === undefined || user === null || authorizationId === null) return null
  if (user === '' || nonce.length > SCRAM_NONCE_CHARACTERS) return null
  const isTokenLogin = /,tokenauth=true/i.test(extensions)
  return { bare, header, user, authorizationId, nonce, isTokenLogin }
}

/** `=2C` is a comma and `=3D` an equals sign; no other `=` may be there. */
function saslName(text: string): string | null {
  if (/=(?!2C|3D)/.test(text) || text.length > 3 * SECURITY_NAME_CHARACTERS) return null
  const name = text.replaceAll('=2C', ',').replaceAll('=3D', '=')
  return name.length <= SECURITY_NAME_CHARACTERS ? name : null
}

function malformed(reason: string): Step {
  return { kind: 'refused', reason }
}
