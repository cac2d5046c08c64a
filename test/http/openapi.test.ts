import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { httpApp, routes } from '../../src/http/app.ts'
import { openApiDocument } from '../../src/http/openapi.ts'
import { schemas } from '../../src/http/schemas.ts'
import { LOCAL, memoryBroker } from './fakes.ts'

// biome-ignore lint/suspicious/noExplicitAny: a JSON document is looked into.
type Json = any

const document: Json = JSON.parse(JSON.stringify(openApiDocument(routes)))

function everyNode(node: unknown, visit: (node: Record<string, unknown>) => void): void {
  if (typeof node !== 'object' || node === null) return
  if (!Array.isArray(node)) visit(node as Record<string, unknown>)
  for (const child of Object.values(node)) everyNode(child, visit)
}

describe('the OpenAPI document', () => {
  it('is served', async () => {
    const app = httpApp({
      environment: LOCAL,
      context: () => memoryBroker([]).context,
      random: () => 0,
    })
    const response = await app.fetch(new Request('http://localhost/openapi.json'))
    expect(await response.json()).toEqual(document)
  })

  it('holds exactly the routes that are served', () => {
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(described.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort())
  })

  it('has what OpenAPI 3.1 requires of a document and of each operation', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) })
    const ids = new Set<string>()
    for (const [path, methods] of Object.entries<Record<string, Json>>(document.paths)) {
      for (const operation of Object.values(methods)) {
        expect(Object.keys(operation.responses).length).toBeGreaterThan(0)
        for (const response of Object.values<Json>(operation.responses)) {
          expect(response.description).toEqual(expect.any(String))
        }
        ids.add(operation.operationId)
        const inPath = operation.parameters.filter((one: Json) => one.in === 'path')
        expect(inPath.map((one: Json) => `{${one.name}}`)).toEqual(path.match(/\{\w+\}/g) ?? [])
        expect(inPath.every((one: Json) => one.required === true)).toBe(true)
        for (const parameter of operation.parameters) expect(parameter.schema).toBeTypeOf('object')
      }
    }
    expect(ids.size).toBe(routes.length)
  })

  it('refers to nothing that is not there, and leaves no definition outside its components', () => {
    const references = new Set<string>()
    everyNode(document, (node) => {
      if (typeof node.$ref === 'string') references.add(node.$ref)
      expect(node).not.toHaveProperty('$defs')
      expect(node).not.toHaveProperty('$schema')
    })
    const known = Object.keys(document.components.schemas).map(
      (name) => `#/components/schemas/${name}`,
    )
    expect([...references].sort()).toEqual(known.sort())
  })

  it('describes bodies and queries with the schemas that validate', () => {
    const refer = (schema: Json) =>
      JSON.parse(JSON.stringify(schema).replaceAll('#/$defs/', '#/components/schemas/'))
    const plain = (schema: z.ZodMiniType) => refer(z.toJSONSchema(schema, { io: 'input' }))
    const named = (schema: z.ZodMiniType, name: string) => {
      const { id: _, ...definition } = plain(schema).$defs[name]
      return definition
    }
    const { Record, NewTopic, TopicChange } = document.components.schemas
    expect(Record).toEqual(named(schemas().record, 'Record'))
    expect(NewTopic).toEqual(named(schemas().newTopic, 'NewTopic'))
    expect(TopicChange).toEqual(named(schemas().topicChange, 'TopicChange'))
    const read = document.paths['/v1/topics/{topic}/partitions/{partition}/records'].get.parameters
    const { properties } = plain(schemas().readQuery)
    for (const [name, { description, ...schema }] of Object.entries<Json>(properties)) {
      const shown = { name, in: 'query', description, schema }
      expect(read).toContainEqual(expect.objectContaining(shown))
    }
    expect(read.find((one: Json) => one.name === 'limit').schema).toMatchObject({
      minimum: 1,
      maximum: 1000,
      default: 100,
    })
  })
})
