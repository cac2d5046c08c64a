// Producer ids and epochs as numbers. An epoch is an int16: the highest is kept so that a producer at the
// last usable one can still be fenced. Not a place for rules.

/** No producer id. */
export const NO_PRODUCER_ID = -1

/** No epoch. */
export const NO_PRODUCER_EPOCH = -1

/** Never given to a client: room to fence the epoch before it. */
export const LAST_PRODUCER_EPOCH = 32_767

/** The next raise needs a new producer id. */
export function isExhausted(epoch: number): boolean {
  return epoch >= LAST_PRODUCER_EPOCH - 1
}
