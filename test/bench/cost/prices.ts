// List prices in US dollars, read on the date below; what a plan includes is left out. Not a quote: each
// table names the page it is from.

/** When these were read. */
export const PRICES_READ = '2026-11-26'

/**
 * Durable Objects with SQLite storage, paid plan: developers.cloudflare.com/durable-objects/platform/pricing.
 * An object is billed for duration while it runs or waits for something; not while it is idle and
 * could hibernate.
 */
export const DURABLE_OBJECTS = {
  /** A call to a method of an object, or an alarm. */
  request: 0.15e-6,
  gbSecond: 12.5e-6,
  /** Memory that a second is billed as, whatever it has. */
  objectGb: 0.128,
  rowRead: 0.001e-6,
  /** Entries of indexes, deletions and each setAlarm count too. */
  rowWritten: 1e-6,
  storedGbMonth: 0.2,
} as const

/** Workers, paid plan: developers.cloudflare.com/workers/platform/pricing. Waiting is not billed. */
export const WORKERS = {
  request: 0.3e-6,
  cpuMs: 0.02e-6,
} as const

/** Queues, paid plan: developers.cloudflare.com/queues/platform/pricing. */
export const QUEUES = {
  operation: 0.4e-6,
  /** A message counts as one for each 64 KB begun, read here as what is cheaper. */
  operationBytes: 64 * 1_024,
  /** It is written, read and deleted. */
  operationsPerMessage: 3,
} as const

/** A managed Kafka billed by use: Amazon MSK Serverless in us-east-1, aws.amazon.com/msk/pricing. */
export const MANAGED_KAFKA = {
  name: 'MSK Serverless',
  gibIn: 0.1,
  gibOut: 0.05,
  storedGibMonth: 0.1,
  clusterHour: 0.75,
  partitionHour: 0.0015,
} as const

/** A month as the bills of this file count it. */
export const MONTH_SECONDS = 30 * 24 * 3_600
