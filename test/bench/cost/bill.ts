// From what was counted to dollars, with the arithmetic to be shown. Pure; the prices are prices.ts.

import {
  DURABLE_OBJECTS,
  MANAGED_KAFKA,
  MONTH_SECONDS,
  PRICES_READ,
  QUEUES,
  WORKERS,
} from './prices.ts'

/** What Cloudflare would bill. */
export interface Usage {
  /** Calls to objects, and alarms. */
  readonly requests: number
  readonly rowsRead: number
  readonly rowsWritten: number
  /** Seconds in which an object was running or waiting for something, of all objects together. */
  readonly objectSeconds: number
  /** Processor time of the Worker. */
  readonly cpuMs: number
}

/** One line of a bill. */
export interface Line {
  readonly what: string
  readonly amount: number
  /** Dollars for one. */
  readonly price: number
}

/** The lines of a bill, one for each unit of it. */
export function linesOf(usage: Usage): Line[] {
  const { request, rowRead, rowWritten, gbSecond, objectGb } = DURABLE_OBJECTS
  return [
    { what: 'requests', amount: usage.requests, price: request },
    { what: 'rows written', amount: usage.rowsWritten, price: rowWritten },
    { what: 'rows read', amount: usage.rowsRead, price: rowRead },
    { what: 'GB-s awake', amount: usage.objectSeconds * objectGb, price: gbSecond },
    { what: 'CPU-ms', amount: usage.cpuMs, price: WORKERS.cpuMs },
  ]
}

/** Dollars of all lines. */
export function dollarsOf(lines: readonly Line[]): number {
  return lines.reduce((sum, { amount, price }) => sum + amount * price, 0)
}

/** `15259 requests × $0.15/M = $0.00229 + …`, the lines that come to nothing left out. */
export function arithmetic(lines: readonly Line[]): string {
  const shown = lines.filter(({ amount }) => amount > 0)
  if (shown.length === 0) return 'nothing is billed'
  return shown
    .map(({ what, amount, price }) => {
      return `${short(amount)} ${what} × $${short(price * 1e6)}/M = $${short(amount * price)}`
    })
    .join(' + ')
}

/** The same use, so many times. */
export function times(usage: Usage, factor: number): Usage {
  return {
    requests: usage.requests * factor,
    rowsRead: usage.rowsRead * factor,
    rowsWritten: usage.rowsWritten * factor,
    objectSeconds: usage.objectSeconds * factor,
    cpuMs: usage.cpuMs * factor,
  }
}

/** What was used in so many seconds, if it goes on for a month. */
export function monthOf(usage: Usage, seconds: number): Usage {
  return times(usage, MONTH_SECONDS / seconds)
}

/** Dollars for 10⁹ bytes of messages of so many bytes through Cloudflare Queues, and how. */
export function queuesGb(messageBytes: number): { dollars: number; how: string } {
  const messages = 1e9 / messageBytes
  const operations =
    Math.ceil(messageBytes / QUEUES.operationBytes) * QUEUES.operationsPerMessage * messages
  const dollars = operations * QUEUES.operation
  const how = `${short(operations)} operations × $${short(QUEUES.operation * 1e6)}/M = $${short(dollars)}`
  return { dollars, how }
}

/** Dollars for 10⁹ bytes into and out of a managed Kafka that is there already, and how. */
export function managedGb(): { dollars: number; how: string } {
  const gib = 1e9 / 2 ** 30
  const dollars = gib * (MANAGED_KAFKA.gibIn + MANAGED_KAFKA.gibOut)
  const how =
    `${short(gib)} GiB × ($${MANAGED_KAFKA.gibIn} in + $${MANAGED_KAFKA.gibOut} out) = ` +
    `$${short(dollars)}`
  return { dollars, how }
}

/** Dollars of a month in which a managed Kafka with so many partitions does nothing. */
export function managedMonth(partitions: number): { dollars: number; how: string } {
  const hours = MONTH_SECONDS / 3_600
  const { clusterHour, partitionHour } = MANAGED_KAFKA
  const dollars = hours * (clusterHour + partitions * partitionHour)
  const how = `${hours} h × ($${clusterHour} + ${partitions} × $${partitionHour}) = $${short(dollars)}`
  return { dollars, how }
}

/** Whose prices, and of when. */
export const PRICED = `list prices read on ${PRICES_READ}, nothing included taken off`

/** Three digits that count. */
export function short(value: number): string {
  return `${Number(value.toPrecision(3))}`
}
