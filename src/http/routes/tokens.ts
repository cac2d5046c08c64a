// POST /v1/tokens: a token for a few minutes, of less than one may oneself: for a page that follows a topic and can set no
// header, or for a browser whose server knows the password. What a token is: security/signed-token.ts.

import { KafkaError } from '../../core/errors.ts'
import { TOKEN_DEFAULT_MS, TOKEN_NAMES_CHARACTERS } from '../../core/limits/http-security.ts'
import type { GrantOperation } from '../../security/grant.ts'
import { type Principal, userOf } from '../../security/principal.ts'
import { signToken } from '../../security/signed-token.ts'
import { Signer } from '../../security/signer.ts'
import { ADMITTED, denied } from '../access-rule.ts'
import { json } from '../answer.ts'
import { checkedBody } from '../checked-body.ts'
import { badRequest, Problem } from '../problem.ts'
import type { Asked, Route } from '../route.ts'
import { schemas } from '../schemas.ts'
import { securitySchemas } from '../security-schemas.ts'
import { isoTime } from '../statistics.ts'

const JSON_TYPE = 'application/json'

export const tokenRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/tokens',
    access: ADMITTED,
    operation: () => ({
      summary: 'Make a token that lives for minutes and may read or write these topics alone',
      query: schemas().noQuery,
      body: { [JSON_TYPE]: securitySchemas().newToken },
      example: { body: { topics: ['orders'], operations: ['READ'], ttlSeconds: 60 } },
      answers: {
        201: {
          description: 'Kept nowhere: it ends by itself, or with the credential of its principal',
          content: { [JSON_TYPE]: securitySchemas().token },
        },
      },
    }),
    handle: makeRoute,
  },
]

async function makeRoute(asked: Asked): Promise<Response | Problem> {
  const body = await checkedBody(asked, securitySchemas().newToken)
  if (body instanceof Problem) return body
  const { topics, operations, groups = [], ttlSeconds = TOKEN_DEFAULT_MS / 1000 } = body
  const { identity, broker } = asked
  const principal = (body.principal ?? identity.principal) as Principal
  const refused = await refusal(asked, { topics, operations, groups, principal })
  if (refused !== null) return refused
  const atMost = identity.expiresAtMs ?? Number.POSITIVE_INFINITY
  const expiresAtMs = Math.min(broker.timers.now() + ttlSeconds * 1000, atMost)
  const { signer, stamp } = await signing(asked, principal)
  if (signer === null) {
    const detail = 'this broker has no secret to sign tokens with: set OTTLA_SECRET'
    return new Problem(KafkaError.DELEGATION_TOKEN_AUTH_DISABLED, { status: 409, detail })
  }
  const grant = { topics, operations, groups }
  const { tenant } = identity
  const token = await signToken(signer, { principal, tenant, grant, expiresAtMs, stamp })
  return json({ token, expires: isoTime(expiresAtMs), principal }, 201)
}

/** Where nobody is asked a token is looked at by nobody: programs that ask for one go on. */
async function signing({ credentials, identity }: Asked, principal: Principal) {
  if (credentials === null) {
    return { signer: new Signer(crypto.getRandomValues(new Uint8Array(32))), stamp: '' }
  }
  const stamp = await credentials.users(identity.tenant).stamp(userOf(principal))
  return { signer: credentials.signer, stamp }
}

interface Wanted {
  readonly topics: readonly string[]
  readonly groups: readonly string[]
  readonly operations: readonly GrantOperation[]
  readonly principal: Principal
}

async function refusal({ identity, broker }: Asked, wanted: Wanted): Promise<Problem | null> {
  const { topics, groups, operations, principal } = wanted
  if (identity.kind === 'token') {
    const detail = 'a token makes no token: ask with what it was made with'
    return new Problem(KafkaError.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, { status: 403, detail })
  }
  if (identity.kind === 'anonymous') {
    const detail = 'a token is somebody’s, and you have not said who you are'
    return new Problem(KafkaError.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, { status: 403, detail })
  }
  const characters = [...topics, ...groups, principal].reduce((sum, one) => sum + one.length, 0)
  if (characters > TOKEN_NAMES_CHARACTERS) {
    const detail = `topics, groups and principal have more than ${TOKEN_NAMES_CHARACTERS} characters together: name fewer, or their common beginning and a *`
    return badRequest('topics', detail)
  }
  const { access } = broker
  if (access.isOpen) return null
  if (principal !== identity.principal) {
    const need = { operation: 'CREATE_TOKENS', resource: 'USER' } as const
    const foreign = await denied(access, need, principal)
    // What another may do is not the asker's to be told.
    return foreign?.with({ field: 'principal' }) ?? null
  }
  for (const operation of operations) {
    for (const topic of topics) {
      const refused = isPattern(topic)
        ? null
        : await denied(access, { operation, resource: 'TOPIC' }, topic)
      if (refused !== null) return refused
    }
  }
  for (const group of groups) {
    const need = { operation: 'READ', resource: 'GROUP' } as const
    const refused = isPattern(group) ? null : await denied(access, need, group)
    if (refused !== null) return refused
  }
  return null
}

/** Of such a name each is asked for when it is used. */
function isPattern(name: string): boolean {
  return name.endsWith('*')
}
