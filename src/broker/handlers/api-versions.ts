// ApiVersions (key 18), versions 0 to 4 (KIP-511, KIP-584). The table of APIs gives the ranges. An
// unknown version is answered in the layout of version 0 with error 35 and ApiVersions' own range.
// Features from version 3 on; before version 4 one that may start at 0 is left out (KAFKA-17011: older
// Java clients refuse such an answer).

import { KafkaError } from '../../core/errors.ts'
import { SUPPORTED_FEATURES } from '../../core/features.ts'
import {
  decodeRequest,
  encodeResponse,
  isServed,
  type OpenedRequest,
  type RequestHeader,
} from '../../protocol/codec.ts'
import {
  ApiVersions,
  type ApiVersionsRequest,
  type ApiVersionsResponse,
} from '../../protocol/messages/api-versions.ts'
import { type ApiTable, advertised } from '../api-table.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

/** A client's software name and version (KIP-511). */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

/** What this table serves. From version 3 on the client must name its software properly. */
export async function apiVersions(
  table: ApiTable,
  request: ApiVersionsRequest,
  call: Call,
  context: BrokerContext,
): Promise<ApiVersionsResponse> {
  const { clientSoftwareName, clientSoftwareVersion } = request
  const isNamed = SOFTWARE.test(clientSoftwareName) && SOFTWARE.test(clientSoftwareVersion)
  if (call.version >= 3 && !isNamed) {
    return { errorCode: KafkaError.INVALID_REQUEST, apiKeys: [] }
  }
  const answer = { errorCode: KafkaError.NONE, apiKeys: advertised(table) }
  return call.version >= 3 ? { ...answer, ...(await features(call.version, context)) } : answer
}

/** Without the controller no level is known, and the client goes by none until it asks again. */
async function features(
  version: number,
  { features, log }: BrokerContext,
): Promise<Partial<ApiVersionsResponse>> {
  const supportedFeatures = SUPPORTED_FEATURES.filter(
    ({ minVersion }) => version >= 4 || minVersion > 0,
  )
  try {
    const { epoch, levels } = await features()
    const finalizedFeatures = Object.entries(levels)
      .filter(([, level]) => level > 0)
      .map(([name, level]) => ({ name, maxVersionLevel: level, minVersionLevel: level }))
    return { supportedFeatures, finalizedFeatures, finalizedFeaturesEpoch: epoch }
  } catch (error) {
    log('warn', 'finalized features not read', { reason: String(error) })
    return { supportedFeatures }
  }
}

/** The frame for an ApiVersions request of a version we do not know; null for any other request. */
export function answerUnknownVersion(table: ApiTable, header: RequestHeader): Uint8Array[] | null {
  if (header.apiKey !== ApiVersions.key) return null
  const own = advertised(table).filter(({ apiKey }) => apiKey === ApiVersions.key)
  return encodeResponse(ApiVersions, 0, header.correlationId, {
    errorCode: KafkaError.UNSUPPORTED_VERSION,
    apiKeys: own,
  })
}

/** The frame for an ApiVersions request that comes before a login, and whether it was a good question. */
export async function versionsFrame(
  table: ApiTable,
  request: OpenedRequest,
  context: BrokerContext,
): Promise<{ readonly pieces: readonly Uint8Array[]; readonly isGood: boolean }> {
  const { apiVersion, correlationId, clientId, reader } = request
  if (!isServed(ApiVersions, apiVersion)) {
    return { pieces: answerUnknownVersion(table, request) ?? [], isGood: false }
  }
  const asked = decodeRequest(ApiVersions, apiVersion, reader)
  const answer = await apiVersions(table, asked, { version: apiVersion, clientId }, context)
  const pieces = encodeResponse(ApiVersions, apiVersion, correlationId, answer)
  return { pieces, isGood: answer.errorCode === KafkaError.NONE }
}
