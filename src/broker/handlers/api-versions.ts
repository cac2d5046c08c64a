// ApiVersions (key 18), versions 0 to 4 (KIP-511, KIP-584). The table of APIs gives the ranges. An
// unknown version is answered in the layout of version 0 with error 35 and ApiVersions' own range.
// No features are advertised yet: transaction.version and group.version come with their coordinators.

import { KafkaError } from '../../core/errors.ts'
import { encodeResponse, type RequestHeader } from '../../protocol/codec.ts'
import {
  ApiVersions,
  type ApiVersionsRequest,
  type ApiVersionsResponse,
} from '../../protocol/messages/api-versions.ts'
import { type ApiTable, advertised } from '../api-table.ts'
import type { Call } from '../call.ts'

/** Epoch of the finalized features; they never change while none is advertised. */
const FEATURES_EPOCH = 0

/** A client's software name and version (KIP-511). */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

/** What this table serves. From version 3 on the client must name its software properly. */
export async function apiVersions(
  table: ApiTable,
  request: ApiVersionsRequest,
  call: Call,
): Promise<ApiVersionsResponse> {
  const { clientSoftwareName, clientSoftwareVersion } = request
  const isNamed = SOFTWARE.test(clientSoftwareName) && SOFTWARE.test(clientSoftwareVersion)
  if (call.version >= 3 && !isNamed) {
    return { errorCode: KafkaError.INVALID_REQUEST, apiKeys: [] }
  }
  return {
    errorCode: KafkaError.NONE,
    apiKeys: advertised(table),
    finalizedFeaturesEpoch: FEATURES_EPOCH,
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
