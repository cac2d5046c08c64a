import { expect, test } from 'vitest'
import { selfTimes } from './inspector.ts'

test('A profile gives each function its own share of the time, largest first', () => {
  const node = (id: number, functionName: string) => ({ id, callFrame: { functionName, url: '' } })
  const nodes = [node(1, 'read'), node(2, ''), node(3, 'read')]
  const shares = selfTimes({ nodes, samples: [2, 1, 3], timeDeltas: [10, 30, 60] })
  expect(shares).toEqual([
    { name: 'read', share: 0.9 },
    { name: '(anonymous)', share: 0.1 },
  ])
})
