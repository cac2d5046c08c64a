import { describe, expect, it, vi } from 'vitest'
import { both, lazily } from '../../src/http/lazily.ts'

describe('what is made lazily', () => {
  it('is made once, with the first member that is looked at', () => {
    const make = vi.fn(() => ({ a: {}, b: {}, c: 3 }))
    const made = lazily(make, ['a', 'b'])
    expect(Object.keys(made)).toEqual(['a', 'b'])
    expect(make).not.toHaveBeenCalled()
    expect([made.a, made.b]).toEqual([{}, {}])
    expect(made.a).toBe(made.a)
    expect(make).toHaveBeenCalledOnce()
    expect(made).not.toHaveProperty('c')
  })

  it('is as lazy when it is put together', () => {
    const makes = [vi.fn(() => ({ a: 1 })), vi.fn(() => ({ b: 2 }))] as const
    const all = both(lazily(makes[0], ['a']), lazily(makes[1], ['b']))
    expect(all.b).toBe(2)
    expect(makes.map((make) => make.mock.calls.length)).toEqual([0, 1])
    expect({ ...all }).toEqual({ a: 1, b: 2 })
  })
})
