// How a committed offset came to be where it is: its value at the beginning of a minute, a point for each minute
// before which it had moved, for six hours. Kept as text in the offset's own row, and so written only with a commit
// that is written anyway. Not where the partition ended at those times: that is in its log.
//
// The text is the newest point, `minute:offset`, then what lies between each point and the one before it, newest
// first: `,offsets` where that is a minute, else `,minutes:offsets`. Numbers are in base 36.

import {
  HISTORY_CHARACTERS,
  HISTORY_INTERVAL_MS,
  HISTORY_KEPT_MS,
} from '../core/limits/statistics.ts'

/** Where an offset was from a time on. */
export interface HistoryPoint {
  readonly timeMs: number
  readonly offset: number
}

/** An offset with its past. */
export interface OffsetWithHistory {
  readonly offset: number
  readonly committedMs: number
  readonly history: string
}

/** Between two looks at what is older than six hours, in minutes: to look takes the whole text apart. */
const TRIM_MINUTES = 30

/**
 * The history of an offset that is committed anew.
 * @param before what it replaces; undefined: it is the first, or the first after it was forgotten
 * @param mostCharacters half of the text is given up where it is longer
 */
export function historyAfter(
  before: OffsetWithHistory | undefined,
  nowMs: number,
  mostCharacters: number = HISTORY_CHARACTERS,
): string {
  if (before === undefined) return ''
  const minute = minuteOf(before.committedMs) + 1
  if (minuteOf(nowMs) < minute) return before.history
  const [head, rest] = split(before.history)
  if (head === null) return format(minute, before.offset)
  // It has not moved since the last point, or a clock has been set back.
  if (head.offset === before.offset || minute <= head.minute) return before.history
  const step = stepText(minute - head.minute, before.offset - head.offset)
  const history = `${format(minute, before.offset)},${step}${rest}`
  const isDue = Math.floor(minute / TRIM_MINUTES) !== Math.floor(head.minute / TRIM_MINUTES)
  if (!isDue && history.length <= mostCharacters) return history
  return trimmed(history, nowMs, mostCharacters)
}

/** The points of a history, oldest first. */
export function pointsOf(history: string): HistoryPoint[] {
  const [head, rest] = split(history)
  if (head === null) return []
  const points = [head]
  let at = head
  for (const step of rest.split(',').slice(1)) {
    const [minutes, offsets] = step.includes(':') ? step.split(':') : ['1', step]
    at = { minute: at.minute - number(minutes), offset: at.offset - number(offsets) }
    points.push(at)
  }
  return points
    .reverse()
    .map(({ minute, offset }) => ({ timeMs: minute * HISTORY_INTERVAL_MS, offset }))
}

/** The offset at a time; null where that is not known any more, or was not committed yet. */
export function offsetAt(
  { offset, committedMs }: OffsetWithHistory,
  points: readonly HistoryPoint[],
  timeMs: number,
): number | null {
  if (timeMs >= committedMs) return offset
  const last = points.findLast((point) => point.timeMs <= timeMs)
  return last === undefined ? null : last.offset
}

interface Point {
  readonly minute: number
  readonly offset: number
}

function minuteOf(timeMs: number): number {
  return Math.floor(timeMs / HISTORY_INTERVAL_MS)
}

function split(history: string): [head: Point | null, rest: string] {
  if (history === '') return [null, '']
  const comma = history.indexOf(',')
  const first = comma < 0 ? history : history.slice(0, comma)
  const [minute, offset] = first.split(':')
  return [{ minute: number(minute), offset: number(offset) }, comma < 0 ? '' : history.slice(comma)]
}

function number(text: string | undefined): number {
  return Number.parseInt(text ?? '', 36)
}

function format(minute: number, offset: number): string {
  return `${minute.toString(36)}:${offset.toString(36)}`
}

function stepText(minutes: number, offsets: number): string {
  return minutes === 1 ? offsets.toString(36) : format(minutes, offsets)
}

/** Without what is too old or too much; what held at the beginning of the rest is kept as its first point. */
function trimmed(history: string, nowMs: number, mostCharacters: number): string {
  const fromMs = nowMs - HISTORY_KEPT_MS + TRIM_MINUTES * HISTORY_INTERVAL_MS
  const fromMinute = Math.ceil(fromMs / HISTORY_INTERVAL_MS)
  const points = pointsOf(history).map(({ timeMs, offset }) => ({
    minute: timeMs / HISTORY_INTERVAL_MS,
    offset,
  }))
  const first = points.findLastIndex(({ minute }) => minute <= fromMinute)
  const young = points
    .slice(Math.max(0, first))
    .map((point) => ({ ...point, minute: Math.max(point.minute, fromMinute) }))
  const kept = join(young)
  return kept.length <= mostCharacters ? kept : join(young.slice(Math.ceil(young.length / 2)))
}

function join(points: readonly Point[]): string {
  const last = points.at(-1)
  if (last === undefined) return ''
  let text = format(last.minute, last.offset)
  for (let at = points.length - 1; at > 0; at--) {
    const [later, earlier] = [points[at], points[at - 1]]
    if (later === undefined || earlier === undefined) break
    text += `,${stepText(later.minute - earlier.minute, later.offset - earlier.offset)}`
  }
  return text
}
