import { describe, expect, it } from 'vitest'
import { listConfigResources } from '../../src/cluster/config-resources.ts'
import { openCluster } from './fakes.ts'

function list(resourceTypes: readonly number[], version = 1) {
  const cluster = openCluster()
  cluster.create([{ name: 'b' }, { name: 'a' }])
  cluster.set(32, 'g', { 'consumer.session.timeout.ms': '50000' })
  const { errorCode, configResources } = listConfigResources(
    cluster.state,
    { resourceTypes: [...resourceTypes] },
    version,
  )
  const names = configResources.map(
    ({ resourceType, resourceName }) => `${resourceType} ${resourceName}`,
  )
  return { errorCode, names }
}

describe('ListConfigResources', () => {
  it('without types lists all that can be listed', () => {
    expect(list([])).toEqual({ errorCode: 0, names: ['2 a', '2 b', '4 1', '8 1', '32 g'] })
  })

  it('lists each type asked once', () => {
    expect(list([32, 2, 2])).toEqual({ errorCode: 0, names: ['32 g', '2 a', '2 b'] })
    expect(list([16])).toEqual({ errorCode: 0, names: [] })
  })

  it('in version 0 is about client metrics, of which there are none', () => {
    expect(list([], 0)).toEqual({ errorCode: 0, names: [] })
  })

  it.each([0, 1, 3, 64, -1])('of type %i gets UNSUPPORTED_VERSION', (type) => {
    expect(list([2, type])).toEqual({ errorCode: 35, names: [] })
  })
})
