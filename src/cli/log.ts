// A line per event on standard error, as text or JSON, from the level asked for. Also reads what
// workerd and the Worker print and gives it the same form. Never a secret or a record's content.

import { LOG_LEVELS, type LogLevel } from '../core/env.ts'

/** What an event carries beside its name. */
export type LogFields = Readonly<Record<string, unknown>>

/** Writes one event. */
export type Log = (level: LogLevel, event: string, fields?: LogFields) => void

export interface LogOptions {
  /** Events below it are not written. */
  readonly level: LogLevel
  readonly json: boolean
  /** Takes one line with its newline. */
  readonly write: (line: string) => void
  readonly now: () => Date
}

/** One event as workerd or the Worker printed it. */
export interface PrintedEvent {
  readonly level: LogLevel
  readonly event: string
  readonly fields: LogFields
}

/** A log with these options. */
export function createLog(options: LogOptions): Log {
  const least = LOG_LEVELS.indexOf(options.level)
  return (level, event, fields = {}) => {
    if (LOG_LEVELS.indexOf(level) < least) return
    const time = options.now().toISOString()
    options.write(
      options.json
        ? `${JSON.stringify({ time, level, event, ...fields })}\n`
        : `${time} ${level.toUpperCase().padEnd(5)} ${event}${textFields(fields)}\n`,
    )
  }
}

/** Writes to standard error; who reads it may go away, and that is no reason to end. */
export function writeStderr(line: string): void {
  if (process.stderr.listenerCount('error') === 0) process.stderr.on('error', () => {})
  process.stderr.write(line)
}

/**
 * Reads a line of workerd's output. The Worker prints `{"level", "event", …}` by `console.log`;
 * workerd itself prints `file:line: severity: message`; anything else keeps its text.
 * @param fallback the level of a line that names none
 */
export function parsePrinted(line: string, fallback: LogLevel): PrintedEvent {
  const fromWorker = line.startsWith('{') ? parseWorkerLine(line) : null
  if (fromWorker !== null) return fromWorker
  const own = /^\S+:\d+: (debug|info|warning|error|fatal): (.*)$/.exec(line)
  if (own === null) return { level: fallback, event: 'workerd', fields: { message: line } }
  const level = LEVEL_OF_SEVERITY[own[1] ?? ''] ?? fallback
  return { level, event: 'workerd', fields: { message: own[2] ?? '' } }
}

const LEVEL_OF_SEVERITY: Readonly<Record<string, LogLevel>> = {
  debug: 'debug',
  info: 'info',
  warning: 'warn',
  error: 'error',
  fatal: 'error',
}

function parseWorkerLine(line: string): PrintedEvent | null {
  try {
    const { level, event, time: _, ...fields } = JSON.parse(line) as Record<string, unknown>
    const known = LOG_LEVELS.find((name) => name === level)
    return known === undefined || typeof event !== 'string' ? null : { level: known, event, fields }
  } catch {
    return null
  }
}

function textFields(fields: LogFields): string {
  return Object.entries(fields)
    .map(([name, value]) => ` ${name}=${textValue(value)}`)
    .join('')
}

function textValue(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined')
  return typeof value === 'string' && /[\s"=]|^$/.test(text) ? JSON.stringify(text) : text
}
