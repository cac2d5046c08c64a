import { serialize } from 'node:v8'
import { describe, expect, it } from 'vitest'
import { LIVE_STATE_BYTES } from '../../src/core/limits/live.ts'
import { routes } from '../../src/http/app.ts'
import { openApiDocument } from '../../src/http/openapi.ts'
import { liveSchemas } from '../../src/live/messages.ts'
import { encodeState, fitsState, type SessionState } from '../../src/live/session-state.ts'
import { idOf } from './fakes.ts'

// biome-ignore lint/suspicious/noExplicitAny: a JSON document is looked into.
type Json = any

describe('the OpenAPI document', () => {
  it('has every message of either end, told apart by its type', () => {
    const document: Json = JSON.parse(JSON.stringify(openApiDocument(routes)))
    const { schemas } = document.components
    const messages = document.paths['/v1/live'].get['x-messages']
    const typesOf = (name: string) =>
      schemas[name].anyOf.map(({ $ref }: { $ref: string }) => {
        const schema = schemas[$ref.replace('#/components/schemas/', '')]
        expect(schema.required).toContain('type')
        expect(schema.additionalProperties).toBe(false)
        return schema.properties.type.const
      })
    const { client, server } = liveSchemas()
    for (const [who, schema, own] of [
      ['client', 'LiveClientMessage', client],
      ['server', 'LiveServerMessage', server],
    ] as const) {
      expect(messages[who]).toEqual({ $ref: `#/components/schemas/${schema}` })
      expect(typesOf(schema).sort()).toEqual(Object.keys(own).sort())
    }
    const { records } = schemas.LiveProduce.properties
    expect(records.items).toEqual({ $ref: '#/components/schemas/Record' })
  })
})

describe('the state of a session', () => {
  const member = (partitions: number): SessionState => ({
    lastSub: 1,
    requests: [],
    streams: [
      {
        kind: 'member',
        sub: 1,
        group: 'g'.repeat(249),
        topics: ['t'.repeat(249)],
        from: 'latest',
        readCommitted: true,
        maxPollIntervalMs: 300_000,
        granted: 1_000_000,
        memberId: crypto.randomUUID(),
        epoch: 12,
        isOut: false,
        unanswered: 0,
        held: [
          {
            id: idOf('t'),
            name: 't'.repeat(249),
            at: Array.from({ length: partitions }, (_, at) => [at, 1_000_000, 999_999] as const),
          },
        ],
        revoking: [],
        isForgotten: false,
      },
    ],
  })

  it('fits a WebSocket with all that is attached, however large it is', () => {
    for (const partitions of [0, 100, 400, 600, 5_000]) {
      const state = encodeState(member(partitions))
      expect(state?.length).toBeLessThanOrEqual(LIVE_STATE_BYTES)
      const attached = {
        version: 1,
        clientHost: `/${'f'.repeat(45)}`,
        state,
        seenMs: 1e13,
        askedMs: 1e13,
      }
      expect(serialize(attached).length).toBeLessThanOrEqual(16_384)
    }
  })

  it('of a member of too many partitions is that of one that is out, and joins again', () => {
    expect(fitsState(member(100))).toBe(true)
    const [kept] = JSON.parse(new TextDecoder().decode(encodeState(member(5_000))!)).streams
    expect(kept).toMatchObject({ held: [], isForgotten: true, group: 'g'.repeat(249) })
    const [whole] = JSON.parse(new TextDecoder().decode(encodeState(member(100))!)).streams
    expect(whole).toMatchObject({ isForgotten: false })
    expect(whole.held[0].at).toHaveLength(100)
  })
})
