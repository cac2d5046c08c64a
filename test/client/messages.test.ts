// The types of the client's messages against those that the broker checks with: whatever the broker may say is what the
// client expects, and whatever the client may say is what the broker takes. The compiler is the judge; at run time
// the broker's schemas look at one of each.

import { describe, expect, expectTypeOf, it } from 'vitest'
import type { ClientMessage, ServerMessage } from '../../src/client/messages.ts'
import {
  liveSchemas,
  type ClientMessage as TakenMessage,
  type ServerMessage as ToldMessage,
} from '../../src/live/messages.ts'

describe('messages', () => {
  it('of the broker are those that the client knows', () => {
    expectTypeOf<ToldMessage['type']>().toEqualTypeOf<ServerMessage['type']>()
    // `records` is written as text, of which only the schema of its items is known.
    type Told = Exclude<ToldMessage, { type: 'records' }>
    expectTypeOf<Told>().toExtend<ServerMessage>()
  })

  it('of the client are those that the broker takes', () => {
    expectTypeOf<ClientMessage['type']>().toExtend<TakenMessage['type']>()
    const said: ClientMessage[] = [
      {
        type: 'subscribe',
        sub: 1,
        topics: ['t'],
        partitions: [0],
        from: '0:1',
        isolation: 'read_committed',
        bytes: 1,
      },
      { type: 'subscribe', sub: 1, topics: ['t'], key: 'k', bytes: 1 },
      { type: 'subscribe', sub: 1, topics: ['t'], keyBase64: 'AA==', bytes: 1 },
      { type: 'grant', sub: 1, bytes: 1 },
      { type: 'unsubscribe', sub: 1 },
      {
        type: 'join',
        sub: 1,
        group: 'g',
        topics: ['t'],
        from: 'earliest',
        bytes: 1,
        maxPollIntervalMs: 5_000,
      },
      { type: 'commit', id: 1, sub: 1, offsets: [{ topic: 't', partition: 0, offset: 1 }] },
      { type: 'processed', sub: 1, offsets: [{ topic: 't', partition: 0, offset: 1 }] },
      { type: 'revoked', sub: 1 },
      { type: 'leave', sub: 1 },
    ]
    for (const message of said) {
      const checked = liveSchemas().client[message.type].safeParse(message)
      expect(checked.error?.issues ?? []).toEqual([])
    }
  })
})
