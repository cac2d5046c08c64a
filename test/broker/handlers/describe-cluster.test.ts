import { describe, expect, it } from 'vitest'
import { describeCluster } from '../../../src/broker/handlers/describe-cluster.ts'
import { fakeContext } from '../fakes.ts'

const call = { version: 4, clientId: null }

describe('DescribeCluster', () => {
  const context = fakeContext({ cluster: { clusterId: async () => 'the-cluster' } })
  const ask = (endpointType: number, operations = false) =>
    describeCluster(
      {
        endpointType,
        includeClusterAuthorizedOperations: operations,
        includeFencedBrokers: false,
      },
      call,
      context,
    )

  it('tells of this one broker', async () => {
    expect(await ask(1, true)).toEqual({
      throttleTimeMs: 0,
      errorCode: 0,
      endpointType: 1,
      clusterId: 'the-cluster',
      controllerId: 1,
      brokers: [{ brokerId: 1, host: '127.0.0.1', port: 9092, rack: null, isFenced: false }],
      clusterAuthorizedOperations: 8096,
    })
    expect((await ask(1)).clusterAuthorizedOperations).toBe(-2_147_483_648)
  })

  // Taken from the answers of Apache Kafka 4.1.1.
  it.each([
    [
      2,
      114,
      'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER',
    ],
    [7, 115, 'Unsupported endpoint type 7'],
  ])('for endpoints of type %i answers %i', async (type, errorCode, errorMessage) => {
    expect(await ask(type)).toMatchObject({ errorCode, errorMessage, clusterId: '', brokers: [] })
  })
})
