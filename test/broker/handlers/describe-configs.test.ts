import { describe, expect, it } from 'vitest'
import { describeConfigs } from '../../../src/broker/handlers/describe-configs.ts'
import { openCluster } from '../../cluster/fakes.ts'
import { fakeContext } from '../fakes.ts'

const call = { version: 4, clientId: null }

describe('DescribeConfigs', () => {
  it('shows the listener as this connection knows it', async () => {
    const cluster = openCluster()
    const context = fakeContext({
      cluster: {
        describeConfigs: async (request) => ({ results: cluster.describe(request) }),
      },
      context: { advertised: { host: '::1', port: 19092 } },
    })
    const resources = [
      {
        resourceType: 4,
        resourceName: '1',
        configurationKeys: ['advertised.listeners', 'node.id'],
      },
      { resourceType: 4, resourceName: '', configurationKeys: null },
    ]
    const request = { resources, includeSynonyms: true, includeDocumentation: false }
    const { results } = await describeConfigs(request, call, context)
    const value = 'PLAINTEXT://[::1]:19092'
    expect(results[0]?.configs).toMatchObject([
      {
        name: 'advertised.listeners',
        value,
        configSource: 4,
        readOnly: true,
        synonyms: [{ name: 'advertised.listeners', value, source: 4 }],
      },
      { name: 'node.id', value: '1' },
    ])
    expect(results[1]?.configs).toEqual([])
  })
})
