import { describe, expect, it } from 'vitest'
import { quotaRoutes } from '../../src/http/routes/quotas.ts'
import { fakeContext } from '../broker/fakes.ts'

describe('a quota without end', () => {
  const entity = { user: 'a' }

  it('is told by its name, for JSON has no such number and null would remove it', async () => {
    const asked: unknown[] = []
    const broker = fakeContext({
      cluster: {
        describeClientQuotas: async () => ({
          throttleTimeMs: 0,
          errorCode: 0,
          errorMessage: null,
          entries: [
            {
              entity: [{ entityType: 'user', entityName: 'a' }],
              values: [
                { key: 'request_percentage', value: Number.POSITIVE_INFINITY },
                { key: 'producer_byte_rate', value: 5 },
              ],
            },
          ],
        }),
        alterClientQuotas: async ({ entries }) => {
          asked.push(entries[0]?.ops)
          return { throttleTimeMs: 0, entries: [{ errorCode: 0, errorMessage: null, entity: [] }] }
        },
      },
    })
    const [list, change] = quotaRoutes
    const listed = await list?.handle({ broker, query: new URLSearchParams() } as never)
    const values = { request_percentage: 'Infinity', producer_byte_rate: 5 }
    expect(await (listed as Response).json()).toMatchObject({ items: [{ entity, values }] })
    const request = new Request('http://localhost/v1/quotas', {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ entity, values: { request_percentage: 'Infinity' } }),
    })
    const changed = await change?.handle({ broker, request, query: new URLSearchParams() } as never)
    expect((changed as Response).status).toBe(200)
    const op = { key: 'request_percentage', value: Number.POSITIVE_INFINITY, remove: false }
    expect(asked).toEqual([[op]])
  })
})
