// /v1/users: who can log in, by Kafka's own requests for SCRAM credentials. A password is stretched here, as Kafka's tools
// do at their end, and goes no further; nobody can read one. The user of OTTLA_SECRET is none of them.

import { alterUserScramCredentials } from '../../broker/handlers/alter-user-scram-credentials.ts'
import { describeUserScramCredentials } from '../../broker/handlers/describe-user-scram-credentials.ts'
import { KafkaError } from '../../core/errors.ts'
import { SCRAM_ITERATIONS_MIN } from '../../core/limits/security.ts'
import { utf8 } from '../../core/text.ts'
import type { AlterUserScramCredentialsRequest } from '../../protocol/messages/alter-user-scram-credentials.ts'
import type { DescribeUserScramCredentialsResponse } from '../../protocol/messages/describe-user-scram-credentials.ts'
import { SCRAM_MECHANISMS, type ScramMechanism } from '../../security/kept.ts'
import { newSalt, type ScramName, saltedPassword } from '../../security/scram.ts'
import { onCluster } from '../access-rule.ts'
import { json } from '../answer.ts'
import { checkedBody } from '../checked-body.ts'
import { pageOf } from '../page.ts'
import { badRequest, Problem } from '../problem.ts'
import { refusal } from '../refusal.ts'
import type { Asked, Route } from '../route.ts'
import { schemas } from '../schemas.ts'
import { securitySchemas } from '../security-schemas.ts'
import { validateQuery } from '../validate.ts'

const JSON_TYPE = 'application/json'
const CALL = { version: 0, clientId: null }

export const userRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/users',
    access: { needs: [onCluster('DESCRIBE')] },
    operation: () => ({
      summary: 'List the users and how they can log in',
      query: securitySchemas().usersQuery,
      answers: {
        200: { description: 'By name', content: { [JSON_TYPE]: securitySchemas().userList } },
      },
    }),
    handle: listRoute,
  },
  {
    method: 'POST',
    path: '/v1/users',
    access: { needs: [onCluster('ALTER')] },
    operation: () => ({
      summary: 'Create a user with a password',
      query: schemas().noQuery,
      body: { [JSON_TYPE]: securitySchemas().newUser },
      example: { body: { name: 'bob', password: 'correct horse battery staple' } },
      answers: {
        201: { description: 'Created', content: { [JSON_TYPE]: securitySchemas().user } },
      },
    }),
    handle: createRoute,
  },
  {
    method: 'GET',
    path: '/v1/users/{user}',
    access: { needs: [onCluster('DESCRIBE')] },
    operation: () => ({
      summary: 'Show how a user can log in',
      query: schemas().noQuery,
      answers: {
        200: { description: 'The user', content: { [JSON_TYPE]: securitySchemas().user } },
      },
    }),
    handle: showRoute,
  },
  {
    method: 'PATCH',
    path: '/v1/users/{user}',
    access: { needs: [onCluster('ALTER')] },
    operation: () => ({
      summary:
        'Give a user another password: cookies, tokens and streams by the old one end within a minute, Kafka connections when their login ends',
      query: schemas().noQuery,
      body: { [JSON_TYPE]: securitySchemas().userChange },
      example: { body: { password: 'wrong horse battery staple', mechanisms: ['SCRAM-SHA-256'] } },
      answers: {
        200: { description: 'The user', content: { [JSON_TYPE]: securitySchemas().user } },
      },
    }),
    handle: changeRoute,
  },
  {
    method: 'DELETE',
    path: '/v1/users/{user}',
    access: { needs: [onCluster('ALTER')] },
    operation: () => ({
      summary: 'Delete a user, or one of the ways they can log in',
      query: securitySchemas().userDeleteQuery,
      answers: { 204: { description: 'Deleted; their rules stay' } },
    }),
    handle: deleteRoute,
  },
]

/** A user as HTTP shows them. */
interface User {
  readonly name: string
  readonly credentials: readonly { readonly mechanism: string; readonly iterations: number }[]
}

async function listRoute({ broker, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(securitySchemas().usersQuery, query)
  if (checked instanceof Problem) return checked
  const answer = await describeUserScramCredentials({ users: null }, CALL, broker)
  const problem = refusal(answer, { fallback: '' })
  if (problem !== null) return problem
  return json(pageOf(answer.results.map(userOf), ({ name }) => name, checked))
}

async function showRoute(asked: Asked): Promise<Response | Problem> {
  const checked = validateQuery(schemas().noQuery, asked.query)
  if (checked instanceof Problem) return checked
  const user = await find(asked, asked.param('user'))
  if (user instanceof Problem) return user
  return user === null ? unknown(asked.param('user')) : json(user)
}

async function createRoute(asked: Asked): Promise<Response | Problem> {
  const body = await checkedBody(asked, securitySchemas().newUser)
  if (body instanceof Problem) return body
  const { name } = body
  const there = await find(asked, name)
  if (there instanceof Problem) return there
  if (there !== null) {
    const detail = `user ${name} exists: PATCH /v1/users/${name} gives another password`
    return new Problem(KafkaError.DUPLICATE_RESOURCE, { field: 'name', detail })
  }
  const problem = await give(asked, name, body, [])
  if (problem !== null) return problem
  const location = `/v1/users/${encodeURIComponent(name)}`
  return shown(await find(asked, name), name, 201, { location })
}

async function changeRoute(asked: Asked): Promise<Response | Problem> {
  const body = await checkedBody(asked, securitySchemas().userChange)
  if (body instanceof Problem) return body
  const name = asked.param('user')
  const there = await find(asked, name)
  if (there instanceof Problem) return there
  if (there === null) return unknown(name)
  const problem = await give(asked, name, body, mechanismsOf(there))
  return problem ?? shown(await find(asked, name), name, 200)
}

async function deleteRoute(asked: Asked): Promise<Response | Problem> {
  const query = validateQuery(securitySchemas().userDeleteQuery, asked.query)
  if (query instanceof Problem) return query
  const name = asked.param('user')
  const there = await find(asked, name)
  if (there instanceof Problem) return there
  if (there === null) return unknown(name)
  const mechanisms = query.mechanism === undefined ? mechanismsOf(there) : [query.mechanism]
  const problem = await takeAway(asked, name, mechanisms)
  return problem ?? new Response(null, { status: 204 })
}

/** What is to be kept of a password, and what of an older one must go with it. */
async function give(
  { broker }: Asked,
  name: string,
  how: {
    readonly password: string
    readonly mechanisms?: readonly string[] | undefined
    readonly iterations?: number | undefined
  },
  had: readonly string[],
): Promise<Problem | null> {
  const password = utf8(how.password)
  if (password === null) return badRequest('password', 'password has no UTF-8')
  const { mechanisms = [...SCRAM_MECHANISMS.keys()], iterations = SCRAM_ITERATIONS_MIN } = how
  for (const mechanism of new Set(mechanisms)) {
    const salt = newSalt()
    const salted = await saltedPassword(mechanism as ScramName, password, salt, iterations)
    const kept = { mechanism: codeOf(mechanism), iterations, salt, saltedPassword: salted }
    const request = { deletions: [], upsertions: [{ name, ...kept }] }
    const problem = await alter(broker, request)
    if (problem !== null) return problem
  }
  // A password that was replaced must not go on by another mechanism.
  return takeAway(
    { broker },
    name,
    had.filter((one) => !mechanisms.includes(one)),
  )
}

async function takeAway(
  { broker }: Pick<Asked, 'broker'>,
  name: string,
  mechanisms: readonly string[],
): Promise<Problem | null> {
  for (const mechanism of mechanisms) {
    const request = { deletions: [{ name, mechanism: codeOf(mechanism) }], upsertions: [] }
    const problem = await alter(broker, request)
    if (problem !== null) return problem
  }
  return null
}

/** One credential in each request: a user may not be named twice in one. */
async function alter(
  broker: Asked['broker'],
  request: AlterUserScramCredentialsRequest,
): Promise<Problem | null> {
  const { results } = await alterUserScramCredentials(request, CALL, broker)
  return refusal(results[0], FIELDS)
}

async function find({ broker }: Asked, name: string): Promise<User | null | Problem> {
  const answer = await describeUserScramCredentials({ users: [{ name }] }, CALL, broker)
  const problem = refusal(answer, { fallback: 'user' })
  if (problem !== null) return problem
  const [result] = answer.results
  if (result?.errorCode === KafkaError.RESOURCE_NOT_FOUND) return null
  return refusal(result, FIELDS) ?? (result === undefined ? null : userOf(result))
}

function shown(
  user: User | null | Problem,
  name: string,
  status: number,
  headers: Record<string, string> = {},
): Response | Problem {
  if (user instanceof Problem) return user
  return user === null ? unknown(name) : json(user, status, headers)
}

function userOf({
  user,
  credentialInfos,
}: DescribeUserScramCredentialsResponse['results'][number]): User {
  const credentials = credentialInfos.map(({ mechanism, iterations }) => {
    return { mechanism: nameOf(mechanism), iterations }
  })
  return { name: user, credentials }
}

function mechanismsOf({ credentials }: User): string[] {
  return credentials.map(({ mechanism }) => mechanism)
}

function codeOf(mechanism: string): ScramMechanism {
  const code = SCRAM_MECHANISMS.get(mechanism)
  if (code === undefined) throw new Error(`no mechanism ${mechanism}`)
  return code
}

function nameOf(code: number): string {
  const known = [...SCRAM_MECHANISMS].find(([, one]) => one === code)
  if (known === undefined) throw new Error(`no mechanism of number ${code}`)
  return known[0]
}

function unknown(name: string): Problem {
  const detail = `there is no user ${name}`
  return new Problem(KafkaError.RESOURCE_NOT_FOUND, { field: 'user', detail })
}

const FIELDS = { fallback: 'user', [KafkaError.UNACCEPTABLE_CREDENTIAL]: 'password' }
