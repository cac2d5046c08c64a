// DescribeConfigs (key 32), versions 1 to 4 (KIP-226 sources and synonyms, types and documentation
// from 3). The controller answers; only this connection knows its listener, so that is filled in here.

import { ConfigSource } from '../../core/configs.ts'
import { formatAddress } from '../../core/env.ts'
import type {
  DescribeConfigsRequest,
  DescribeConfigsResponse,
} from '../../protocol/messages/describe-configs.ts'
import { authorised } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext, Endpoint } from '../context.ts'
import { nothingLeft } from '../controller.ts'
import { readableConfigs } from './config-denial.ts'

type Result = DescribeConfigsResponse['results'][number]
type Entry = Result['configs'][number]

const BROKER = 4
const LISTENERS = ['listeners', 'advertised.listeners']

/** Asks the controller; errors are per resource in its answer. */
export async function describeConfigs(
  request: DescribeConfigsRequest,
  call: Call,
  context: BrokerContext,
): Promise<DescribeConfigsResponse> {
  const access = await authorised(context)
  const { allowed, denied } = readableConfigs(request.resources, access)
  const refused = denied.map((one) => ({ ...one, configs: [] }))
  if (nothingLeft(request.resources, allowed)) return { throttleTimeMs: 0, results: refused }
  const permitted = { ...request, resources: allowed }
  const response = await context.objects.cluster.describeConfigs(permitted, call.version)
  const results = response.results.map((result) =>
    result.resourceType === BROKER ? withListeners(result, request, context.advertised) : result,
  )
  return { ...response, results: [...results, ...refused] }
}

/** The listener as this connection sees it: what its client was told to connect to. */
function withListeners(
  result: Result,
  { includeSynonyms }: DescribeConfigsRequest,
  { host, port }: Endpoint,
): Result {
  const value = `PLAINTEXT://${formatAddress(host, port)}`
  const source = ConfigSource.STATIC_BROKER
  const configs = result.configs.map((entry): Entry => {
    if (!LISTENERS.includes(entry.name)) return entry
    const synonyms = includeSynonyms ? [{ name: entry.name, value, source }] : []
    return { ...entry, value, configSource: source, synonyms }
  })
  return { ...result, configs }
}
