// Connections to a broker that may die at any moment: an actor runs until its connection ends, and that
// end is expected. Anything else it meets is a finding.

import type { Address } from '../../clients/broker.ts'
import { Ended, Wire } from '../../clients/wire.ts'

/** Something that runs against one life of the broker. */
export interface Actor {
  /** Until the broker dies or, after `stop`, until its work is done. */
  run(address: Address): Promise<void>
  stop(): void
}

/** Opens a connection and uses it until `use` returns or the broker is gone. */
export async function whileAlive(
  address: Address,
  use: (wire: Wire) => Promise<void>,
): Promise<void> {
  let wire: Wire | undefined
  try {
    wire = await Wire.open(address)
    await use(wire)
  } catch (error) {
    if (!isEnd(error)) throw error
  } finally {
    wire?.close()
  }
}

/** True for what a connection says when its broker is gone. */
export function isEnd(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return error instanceof Ended || ENDS.has(code)
}

const ENDS: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE'])

/** Kafka's errors that a client asks again after. */
export const RETRIABLE: ReadonlySet<number> = new Set([3, 5, 6, 7, 14, 15, 16, 51, 56])
