// The APIs this broker serves: one row each, from which ApiVersions is computed, so that nothing is
// advertised that is not parsed, encoded and meant. Not their meaning: handlers/ has a file for each.

import type { AnyApi } from '../protocol/schema.ts'
import type { Call } from './call.ts'
import type { BrokerContext, Handling } from './context.ts'

/** How a request is run. */
export type Run =
  /** Starts when all before it has taken effect; has taken effect when it answers. */
  | {
      readonly kind: 'ordered'
      run(request: object, call: Call, context: BrokerContext): Promise<object>
    }
  /** Produce and Fetch: their waits overlap with what follows. */
  | {
      readonly kind: 'overlapping'
      run(request: object, call: Call, context: BrokerContext): Handling<object>
    }

/** One row. */
export interface ServedApi {
  readonly api: AnyApi
  /** Lowest version advertised, where it is not the lowest served (Produce: KAFKA-18659). */
  readonly advertisedFrom?: number
  readonly handle: Run
}

/** By API key. */
export type ApiTable = ReadonlyMap<number, ServedApi>

/** A version range as ApiVersions carries it. */
export interface AdvertisedRange {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

/** What ApiVersions says of a table, in the order of the keys. */
export function advertised(table: ApiTable): AdvertisedRange[] {
  return [...table.values()]
    .map(({ api, advertisedFrom }) => ({
      apiKey: api.key,
      minVersion: advertisedFrom ?? api.versions[0],
      maxVersion: api.versions[1],
    }))
    .sort((a, b) => a.apiKey - b.apiKey)
}
