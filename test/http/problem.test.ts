import { describe, expect, it } from 'vitest'
import { type ErrorCode, errorName, isRetriable, KafkaError } from '../../src/core/errors.ts'
import { Problem } from '../../src/http/problem.ts'

const codes = Object.entries(KafkaError) as [string, ErrorCode][]

describe('a problem', () => {
  it.each(codes.filter(([, code]) => code !== KafkaError.NONE))(
    'of %s has its name, a status that is none of success, and Retry-After where that is 429 or 503',
    async (_, code) => {
      const response = new Problem(code).response()
      const isLater = response.status === 429 || response.status === 503
      expect(response.status).toBeGreaterThanOrEqual(400)
      expect(response.headers.has('retry-after')).toBe(isLater)
      expect(await response.json()).toMatchObject({
        code: errorName(code),
        status: response.status,
      })
    },
  )

  it('of an error that may be over later is 503, or says more exactly what it is', () => {
    const statuses = codes.flatMap(([, code]) =>
      isRetriable(code) ? [new Problem(code).status] : [],
    )
    expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(10)
    expect(statuses).not.toContain(500)
  })

  it.each([429, 503])('that is made one of %i has Retry-After too, or its own', (status) => {
    const made = new Problem(KafkaError.INVALID_REQUEST, { status }).response()
    expect(made.headers.get('retry-after')).toBe('1')
    const headers = { 'retry-after': '30' }
    const own = new Problem(KafkaError.INVALID_REQUEST, { status, headers }).response()
    expect(own.headers.get('retry-after')).toBe('30')
  })
})
