// Dollars at Cloudflare's list prices, from what the runtime counted here, beside a managed Kafka's and
// Cloudflare Queues': for a gigabyte produced and consumed, and for a month in which nothing happens.
// The prices and their date are in cost/prices.ts.

import { REREAD_SUBSCRIBED_MS } from '../../src/core/limits/watch.ts'
import {
  arithmetic,
  dollarsOf,
  type Line,
  linesOf,
  managedGb,
  managedMonth,
  PRICED,
  queuesGb,
  short,
} from './cost/bill.ts'
import { type DataUsage, dataUsage, RECORD_BYTES } from './cost/data.ts'
import { type IdleMonth, idleMonths } from './cost/idle.ts'
import { DURABLE_OBJECTS, MANAGED_KAFKA, MONTH_SECONDS } from './cost/prices.ts'
import { BATCH_BYTES } from './kafka.ts'
import type { Figure } from './rounds.ts'
import { objectsText } from './scale/idle-consumer.ts'

const LINE = '\n    '

/** Dollars for 10⁹ bytes in and out. */
export async function costFigures(quick: boolean): Promise<Figure[]> {
  const { batched, single, consumed, storedShare } = await dataUsage(quick)
  const cost = (usage: DataUsage['batched']) => dollarsOf(linesOf(usage))
  const through = cost(batched) + cost(consumed)
  const singly = cost(single) + cost(consumed)
  const managed = managedGb()
  const largeMessages = queuesGb(BATCH_BYTES)
  const messages = queuesGb(RECORD_BYTES)
  const dollars = (name: string, usage: DataUsage['batched']): Figure => {
    return {
      name,
      values: [cost(usage)],
      unit: '$',
      goal: null,
      detail: arithmetic(linesOf(usage)),
    }
  }
  return [
    dollars('a GB produced, batches of 64 KiB', batched),
    dollars('a GB produced, requests of one 1 KiB record', single),
    dollars('a GB consumed from storage', consumed),
    {
      name: '  in batches, in and out / managed Kafka',
      values: [through / managed.dollars],
      goal: null,
      detail:
        `$${short(through)} against ${MANAGED_KAFKA.name} ${managed.how}, and its ` +
        `$${short(managedMonth(1).dollars)} a month beside; ${PRICED}`,
    },
    {
      name: '  in batches, in and out / Queues',
      values: [through / largeMessages.dollars],
      goal: null,
      detail: `a batch as one message: ${largeMessages.how}`,
    },
    {
      name: '  one by one, in and out / Queues',
      values: [singly / messages.dollars],
      goal: null,
      detail: `$${short(singly)}; a record as one message: ${messages.how}`,
    },
    {
      name: 'stored bytes / byte produced',
      values: [storedShare],
      goal: null,
      detail:
        `$${short(storedShare * DURABLE_OBJECTS.storedGbMonth)} a month for a GB kept; ` +
        `${MANAGED_KAFKA.name} $${short(MANAGED_KAFKA.storedGibMonth / (2 ** 30 / 1e9))}`,
    },
  ]
}

/** Dollars for a month of waiting. */
export async function idleCostFigures(quick: boolean): Promise<Figure[]> {
  const months = await idleMonths(quick)
  return months.map(idleFigure)
}

function idleFigure(month: IdleMonth): Figure {
  const lines = linesOf(month.usage)
  const managed = managedMonth(month.partitions)
  const { gbSecond, objectGb } = DURABLE_OBJECTS
  const objectMonth = MONTH_SECONDS * objectGb * gbSecond
  return {
    name: `an idle month of ${month.name}`,
    values: [dollarsOf(lines)],
    unit: '$',
    goal: null,
    detail:
      arithmetic(lines) +
      `${LINE}${short(month.objectsBilled)} objects with a call under way at any time ` +
      `($${short(objectMonth)} a month each); in memory: ${objectsText(month.inMemory)}` +
      `${LINE}and each partition read again once in ${REREAD_SUBSCRIBED_MS / 60_000} minutes: ` +
      arithmetic([rereads(month.partitions)]) +
      `${LINE}${MANAGED_KAFKA.name}: ${managed.how}`,
  }
}

/** Seldom enough that it may not have been seen while it was looked; a call for each. */
function rereads(partitions: number): Line {
  const amount = (partitions * MONTH_SECONDS * 1e3) / REREAD_SUBSCRIBED_MS
  return { what: 'requests', amount, price: DURABLE_OBJECTS.request }
}
