// The log of code that runs inside the runtime: a line of JSON per event. Its final form (standard error,
// time, text or JSON) is the launcher's. Never a secret or a record's content.

import { LOG_LEVELS, type LogLevel } from '../core/env.ts'

/** Writes one event. */
export type WorkerLog = (
  level: LogLevel,
  event: string,
  fields?: Readonly<Record<string, string | number | boolean>>,
) => void

/** A log of the events at or above `lowest`. */
export function workerLog(lowest: LogLevel): WorkerLog {
  const least = LOG_LEVELS.indexOf(lowest)
  return (level, event, fields) => {
    if (LOG_LEVELS.indexOf(level) < least) return
    // biome-ignore lint/suspicious/noConsole: the runtime's log is the Worker's only way to standard error.
    console.log(JSON.stringify({ level, event, ...fields }))
  }
}
