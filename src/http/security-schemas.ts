// The shapes of users, rules, quotas, tokens and who one is. As schemas.ts they validate requests and make the OpenAPI
// document, and are made on first use. Words in capitals are Kafka's own.

import * as z from 'zod/mini'
import { PASSWORD_BYTES } from '../core/limits/authentication.ts'
import {
  HTTP_ACLS,
  ME_RESOURCES,
  TOKEN_DEFAULT_MS,
  TOKEN_MAX_MS,
  TOKEN_NAMES,
} from '../core/limits/http-security.ts'
import {
  SCRAM_ITERATIONS_MAX,
  SCRAM_ITERATIONS_MIN,
  SECURITY_NAME_CHARACTERS,
} from '../core/limits/security.ts'
import { Operation, Resource } from '../security/access.ts'
import { PatternType, Permission } from '../security/acl.ts'
import { GRANT_OPERATIONS } from '../security/grant.ts'
import { QUOTA_ENTITY_TYPES, SCRAM_MECHANISMS } from '../security/kept.ts'
import { described, listOf, listQuery, schemas, timeText, wholeNumber } from './schemas.ts'

/** The schemas by name. */
export type SecuritySchemas = ReturnType<typeof makeSchemas>

let made: SecuritySchemas | null = null

/** The schemas, made once per isolate. */
export function securitySchemas(): SecuritySchemas {
  // They also set how zod works.
  schemas()
  made ??= makeSchemas()
  return made
}

/** A rule may be of all operations. */
export const ACL_OPERATIONS = ['ALL', ...names(Operation)] as const
/** What rules are of; tokens of other brokers are none here. */
export const ACL_RESOURCES = names(Resource)
export const ACL_PATTERNS = names(PatternType)
export const ACL_PERMISSIONS = names(Permission)

function names<Codes extends object>(codes: Codes): (keyof Codes & string)[] {
  return Object.keys(codes) as (keyof Codes & string)[]
}

function makeSchemas() {
  return { ...userSchemas(), ...aclSchemas(), ...quotaSchemas(), ...tokenSchemas(), ...meSchemas() }
}

function name() {
  return z.string().check(
    z.minLength(1, { error: 'must not be empty' }),
    z.maxLength(SECURITY_NAME_CHARACTERS, {
      error: `must have at most ${SECURITY_NAME_CHARACTERS} characters`,
    }),
  )
}

function principal() {
  return z.string().check(
    z.regex(/^User:./, { error: 'must be User: and a name' }),
    z.maxLength(SECURITY_NAME_CHARACTERS, {
      error: `must have at most ${SECURITY_NAME_CHARACTERS} characters`,
    }),
    described('`User:` and the name of a user'),
  )
}

function userSchemas() {
  const mechanism = z.enum([...SCRAM_MECHANISMS.keys()])
  const password = z
    .string()
    .check(
      z.minLength(1, { error: 'must not be empty' }),
      z.maxLength(PASSWORD_BYTES, { error: `must have at most ${PASSWORD_BYTES} characters` }),
      described('Kept as what SCRAM needs to check it, never as it is'),
    )
  const how = {
    password,
    mechanisms: z.optional(
      z
        .array(mechanism)
        .check(
          z.minLength(1, { error: 'must name one' }),
          described('How the user can log in with it; by default each'),
        ),
    ),
    iterations: z.optional(
      wholeNumber(SCRAM_ITERATIONS_MIN, SCRAM_ITERATIONS_MAX).check(
        z.meta({ default: SCRAM_ITERATIONS_MIN, description: 'What guessing costs, and a login' }),
      ),
    ),
  }
  const user = z
    .strictObject({
      name: z.string(),
      credentials: z.array(z.strictObject({ mechanism, iterations: z.int() })),
    })
    .check(z.meta({ id: 'User' }))
  return {
    usersQuery: z.strictObject(listQuery('name')),
    newUser: z.strictObject({ name: name(), ...how }).check(z.meta({ id: 'NewUser' })),
    userChange: z.strictObject(how).check(z.meta({ id: 'UserChange' })),
    userDeleteQuery: z.strictObject({
      mechanism: z.optional(mechanism.check(described('Of this one alone; by default all'))),
    }),
    user,
    userList: listOf(user),
  }
}

function aclSchemas() {
  const acl = z
    .strictObject({
      resourceType: z.enum(ACL_RESOURCES),
      resourceName: name().check(
        described('`kafka-cluster` of CLUSTER; a literal `*` is every name'),
      ),
      patternType: z.enum(ACL_PATTERNS),
      principal: principal().check(described('`User:*` is everybody')),
      host: name().check(described('An address; `*` is every one')),
      operation: z.enum(ACL_OPERATIONS),
      permissionType: z.enum(ACL_PERMISSIONS),
    })
    .check(z.meta({ id: 'Acl' }))
  const filters = {
    resourceType: z.optional(z.enum(ACL_RESOURCES)),
    resourceName: z.optional(name()),
    patternType: z.optional(
      z
        .enum(['MATCH', ...ACL_PATTERNS])
        .check(described('MATCH: every rule that applies to resourceName')),
    ),
    principal: z.optional(principal()),
    host: z.optional(name()),
    operation: z.optional(z.enum(ACL_OPERATIONS)),
    permissionType: z.optional(z.enum(ACL_PERMISSIONS)),
  }
  return {
    acl,
    aclList: listOf(acl),
    aclsQuery: z.strictObject({ ...filters, ...listQuery('text') }),
    aclsDeleteQuery: z.strictObject(filters),
    newAcls: z
      .strictObject({
        acls: z
          .array(acl)
          .check(
            z.minLength(1, { error: 'must name one' }),
            z.maxLength(HTTP_ACLS, { error: `must name at most ${HTTP_ACLS}` }),
          ),
      })
      .check(z.meta({ id: 'NewAcls' })),
    aclsGone: z.strictObject({ items: z.array(acl) }),
  }
}

function quotaSchemas() {
  const one = z.optional(z.nullable(name()))
  const entity = z
    .strictObject(
      Object.fromEntries(QUOTA_ENTITY_TYPES.map((type) => [type, one])) as Record<
        (typeof QUOTA_ENTITY_TYPES)[number],
        typeof one
      >,
    )
    .check(z.meta({ id: 'QuotaEntity', description: 'Names; null is the default of its type' }))
  const limit = z.union([z.number(), z.literal('Infinity')])
  const quota = z
    .strictObject({ entity, values: z.record(z.string(), limit) })
    .check(z.meta({ id: 'Quota' }))
  return {
    quotasQuery: z.strictObject(listQuery('entity, written as type=name,')),
    quota,
    quotaList: listOf(quota),
    quotaChange: z
      .strictObject({
        entity,
        values: z
          .record(z.string(), z.nullable(limit))
          .check(described("Kafka's names, such as producer_byte_rate; null removes one")),
        dryRun: z.optional(z.boolean()),
      })
      .check(z.meta({ id: 'QuotaChange' })),
  }
}

function tokenSchemas() {
  const resources = (of: string) =>
    z
      .array(name())
      .check(
        z.maxLength(TOKEN_NAMES, { error: `must name at most ${TOKEN_NAMES}` }),
        described(`${of}; a \`*\` at the end is every name that begins so`),
      )
  const operations = z
    .array(z.enum(GRANT_OPERATIONS))
    .check(z.minLength(1, { error: 'must name one' }))
  return {
    newToken: z
      .strictObject({
        topics: resources('Topics'),
        operations,
        groups: z.optional(resources('Groups that may be joined, with READ')),
        principal: z.optional(
          principal().check(
            described(
              'By default your own; another needs a rule of CREATE_TOKENS on USER `User:name`',
            ),
          ),
        ),
        ttlSeconds: z.optional(
          wholeNumber(1, TOKEN_MAX_MS / 1000).check(
            z.meta({ default: TOKEN_DEFAULT_MS / 1000, description: 'How long it lives' }),
          ),
        ),
      })
      .check(z.meta({ id: 'NewToken' })),
    token: z
      .strictObject({
        token: z
          .string()
          .check(
            described('As `Authorization: Bearer`, or where a page can set no header as `?token=`'),
          ),
        expires: timeText(),
        principal: z.string(),
      })
      .check(z.meta({ id: 'Token' })),
  }
}

function meSchemas() {
  const operations = z.array(z.enum(names(Operation)))
  const byName = z.record(z.string(), operations)
  return {
    meQuery: z.strictObject({
      topic: z.optional(
        z
          .array(name())
          .check(
            z.maxLength(ME_RESOURCES, { error: `may be given ${ME_RESOURCES} times at most` }),
            described('What you may do with these topics'),
          ),
      ),
      group: z.optional(
        z
          .array(name())
          .check(
            z.maxLength(ME_RESOURCES, { error: `may be given ${ME_RESOURCES} times at most` }),
            described('What you may do with these groups'),
          ),
      ),
    }),
    me: z
      .strictObject({
        principal: z.string(),
        tenant: z.optional(
          z.string().check(described('The virtual cluster that you are of, where it is not main')),
        ),
        isOpen: z.boolean().check(described('Nobody is asked here: everything is allowed')),
        isSession: z
          .boolean()
          .check(described('You have signed in with a browser, and can sign out')),
        expires: z.nullable(timeText()).check(described('When what you have shown ends by itself')),
        cluster: operations.check(described('What you may do with the cluster')),
        any: z
          .strictObject({ topic: operations, group: operations, transactionalId: operations })
          .check(described('What you may do with at least one of them')),
        topics: byName,
        groups: byName,
      })
      .check(z.meta({ id: 'Me' })),
  }
}
