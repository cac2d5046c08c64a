// The OpenAPI 3.1 document: made of the rows that are served and the schemas that validate, so that it
// cannot say anything else. https://spec.openapis.org/oas/v3.1.0

import * as z from 'zod/mini'
import type { Need } from './access-rule.ts'
import { TOKEN_PARAMETER } from './credentials.ts'
import type { Content, Example, Operation, Route } from './route.ts'
import { schemas } from './schemas.ts'

type Json = Record<string, unknown>

/** The document of these routes. */
export function openApiDocument(routes: readonly Route[]): Json {
  const components: Json = {}
  const paths: Record<string, Json> = {}
  const toJson = (schema: z.ZodMiniType) => jsonSchema(schema, components)
  const problem = { 'application/problem+json': { schema: toJson(schemas().problem) } }
  for (const route of routes) {
    const operation = route.operation()
    const path = paths[route.path] ?? {}
    paths[route.path] = path
    path[route.method.toLowerCase()] = {
      summary: operation.summary,
      operationId: operationId(route),
      parameters: parametersOf(route, operation, toJson),
      ...(operation.body === undefined
        ? {}
        : { requestBody: requestBody(operation.body, operation.example, toJson) }),
      ...messagesOf(operation, toJson),
      ...securityOf(route),
      responses: {
        ...Object.fromEntries(
          Object.entries(operation.answers).map(([status, { description, content }]) => [
            status,
            content === undefined
              ? { description }
              : { description, content: contentOf(content, toJson) },
          ]),
        ),
        default: { description: 'A problem (RFC 9457)', content: problem },
      },
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Ottla',
      version: '1',
      description: 'Apache Kafka topics over HTTP.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    // Asked for by a broker with credentials; one without takes requests without.
    security: [{ basic: [] }, { bearer: [] }, { session: [] }, {}],
    components: { schemas: components, securitySchemes: SECURITY_SCHEMES },
  }
}

const SECURITY_SCHEMES: Json = {
  basic: { type: 'http', scheme: 'basic', description: 'A user and their password' },
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description:
      "A token of `POST /v1/tokens`, one of the broker's identity provider (a JWT), or the broker's secret",
  },
  token: {
    type: 'apiKey',
    in: 'query',
    name: TOKEN_PARAMETER,
    description: 'A token of `POST /v1/tokens`, where a page can set no header',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: 'ottla',
    description: 'Of a browser that has signed in; over TLS its name begins with `__Host-`',
  },
}

/** Where it is another than that of all: and what is needed, in words of Kafka's rules. */
function securityOf({ access }: Route): Json {
  const { needs, handlers = [], shows } = access
  const said = [
    ...needs.map(needText),
    ...(handlers.length === 0 ? [] : [handlers.map(needText).join(' or ')]),
    ...(shows === undefined ? [] : [`shows what ${shows.operation} is allowed of`]),
  ]
  return {
    ...(said.length === 0 ? {} : { 'x-access': said }),
    ...(access.takesQueryToken
      ? { security: [{ basic: [] }, { bearer: [] }, { token: [] }, { session: [] }, {}] }
      : {}),
  }
}

function needText({ operation, resource }: Need): string {
  return `${operation} on ${resource}`
}

/** OpenAPI has no place for what follows an upgrade: an extension refers to the components. */
function messagesOf({ messages }: Operation, toJson: ToJson): Json {
  if (messages === undefined) return {}
  const referred = Object.entries(messages).map(([who, schema]) => {
    // In an array it is referred to; by itself it would be written out.
    const { items } = toJson(z.array(schema)) as Json
    return [who, items]
  })
  return { 'x-messages': Object.fromEntries(referred) }
}

type ToJson = (schema: z.ZodMiniType) => unknown

/** What the examples' paths name. */
export const EXAMPLE_PATH: Readonly<Record<string, string | number>> = {
  topic: 'orders',
  partition: 0,
  group: 'billing',
  transactionalId: 'payments-1',
  user: 'bob',
}

/** The example is of the first media type. */
function requestBody(body: Content, example: Example | undefined, toJson: ToJson): Json {
  const content = Object.entries(contentOf(body, toJson)).map(([type, media], at) => [
    type,
    at === 0 && example?.body !== undefined ? { ...(media as Json), example: example.body } : media,
  ])
  return { required: true, content: Object.fromEntries(content) }
}

/**
 * A schema as JSON Schema 2020-12, which is OpenAPI 3.1's. Schemas with an id go to the components,
 * and are referred to.
 */
function jsonSchema(schema: z.ZodMiniType, components: Json): unknown {
  const { $schema: _, $defs = {}, ...own } = z.toJSONSchema(schema, { io: 'input' }) as Json
  for (const [id, definition] of Object.entries($defs as Json)) {
    components[id] = withReferences(definition)
  }
  return withReferences(own)
}

/** The same schema with references into the document's components instead of its own definitions. */
function withReferences(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withReferences)
  if (typeof schema !== 'object' || schema === null) return schema
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([name, value]) => !(name === 'id' && typeof value === 'string'))
      .map(([name, value]) =>
        name === '$ref' && typeof value === 'string'
          ? [name, value.replace('#/$defs/', '#/components/schemas/')]
          : [name, withReferences(value)],
      ),
  )
}

function contentOf(content: Content, toJson: ToJson): Json {
  return Object.fromEntries(
    Object.entries(content).map(([type, schema]) => [
      type,
      schema === null ? {} : { schema: toJson(schema) },
    ]),
  )
}

function parametersOf(route: Route, operation: Operation, toJson: ToJson): Json[] {
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: name === 'partition' ? { type: 'integer', minimum: 0 } : { type: 'string' },
    example: EXAMPLE_PATH[name ?? ''],
  }))
  const inHeaders = Object.entries(operation.headers ?? {}).map(([name, description]) => ({
    name,
    in: 'header',
    description,
    schema: { type: 'string' },
    ...exampleOf(operation.example?.headers?.[name]),
  }))
  return [...inPath, ...queryParameters(operation, toJson), ...inHeaders]
}

/** A parameter without an example is left out of the example's request. */
function exampleOf(value: string | readonly string[] | undefined): Json {
  return value === undefined ? {} : { example: value }
}

function queryParameters({ query, example }: Operation, toJson: ToJson): Json[] {
  if (query === undefined) return []
  const { properties = {}, required = [] } = toJson(query) as {
    properties?: Record<string, Json>
    required?: readonly string[]
  }
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    ...(required.includes(name) ? { required: true } : {}),
    ...(description === undefined ? {} : { description }),
    schema,
    ...exampleOf(exampleIn(schema, example?.query?.[name])),
  }))
}

/** Of a parameter that may be given several times: a list of the one. */
function exampleIn({ type }: Json, value: string | undefined): string | string[] | undefined {
  return type === 'array' && value !== undefined ? [value] : value
}

/** `getTopicsTopic` of GET /v1/topics/{topic}. */
function operationId({ method, path }: Route): string {
  const words = path.replace(/^\/v1/, '').match(/\w+/g) ?? ['root']
  return method.toLowerCase() + words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('')
}
