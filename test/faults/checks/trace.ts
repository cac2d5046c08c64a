// Reads a trace of system calls (strace -f -yy) and finds replies that left before what they acknowledge was
// synced. Pure. Covered means: between the last byte that was written to the write-ahead log and the first
// byte of the reply an fsync or fdatasync of that log began and returned.

/** A call as it began or as it returned; a call that nothing came between is both, one after the other. */
export interface TraceEvent {
  readonly phase: 'begins' | 'returns'
  readonly call: string
  /** What the descriptor is: a path, or `TCP:[local->remote]`. */
  readonly target: string
  /** The call's data as strace prints it; empty where it returns. */
  readonly data: string
}

const WHOLE = /^(?:\d+ +)?(\w+)\(\d+<(.*?)>(?:\)|, )(.*)$/
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>/
const UNFINISHED = '<unfinished ...>'

/** The events of a trace, in order. Lines that are no calls on descriptors are left out. */
export function readTrace(text: string): TraceEvent[] {
  const events: TraceEvent[] = []
  const open = new Map<string, TraceEvent>()
  for (const line of text.split('\n')) {
    const resumed = RESUMED.exec(line)
    if (resumed !== null) {
      const begun = open.get(resumed[1] ?? '')
      if (begun === undefined || begun.call !== resumed[2]) continue
      events.push({ ...begun, phase: 'returns', data: '' })
      continue
    }
    const [, call, target, data] = WHOLE.exec(line) ?? []
    if (call === undefined || target === undefined || data === undefined) continue
    const begun: TraceEvent = { phase: 'begins', call, target, data }
    events.push(begun)
    if (line.endsWith(UNFINISHED)) open.set(/^\d+/.exec(line)?.[0] ?? '', begun)
    else events.push({ ...begun, phase: 'returns', data: '' })
  }
  return events
}

const SYNCS: ReadonlySet<string> = new Set(['fsync', 'fdatasync'])
const WRITES: ReadonlySet<string> = new Set(['pwrite64', 'pwritev', 'pwritev2', 'write', 'writev'])
const SENDS: ReadonlySet<string> = new Set(['sendto', 'sendmsg', 'write', 'writev'])

/** What the replies of one connection acknowledge. */
export interface Acknowledged {
  /** Ends the path of the logs that hold what is acknowledged, such as `/ottla-Partition/`. */
  readonly folder: string
  /** Our end of the connection, as the trace shows the other's: its local port. */
  readonly port: number
}

/** What came of a trace. */
export interface Covered {
  /** Replies behind something that was written to such a log. */
  readonly replies: number
  /** Those that left too early, in words. */
  readonly early: readonly string[]
}

/** Goes over the replies of a connection that had one request in flight. */
export function coverOf(events: readonly TraceEvent[], { folder, port }: Acknowledged): Covered {
  /** Logs that were written since the last reply, and how far their sync is. */
  const written = new Map<string, 'unsynced' | 'syncing' | 'synced'>()
  const early: string[] = []
  let replies = 0
  for (const { phase, call, target, data } of events) {
    const isLog = target.includes(folder) && target.endsWith('-wal')
    if (isLog && WRITES.has(call) && phase === 'begins') written.set(target, 'unsynced')
    if (isLog && SYNCS.has(call) && written.has(target)) {
      const before = written.get(target)
      if (phase === 'begins' && before === 'unsynced') written.set(target, 'syncing')
      if (phase === 'returns' && before === 'syncing') written.set(target, 'synced')
    }
    const isReply = SENDS.has(call) && phase === 'begins' && isTo(target, port)
    if (!isReply || written.size === 0) continue
    replies += 1
    for (const [log, state] of written) {
      if (state !== 'synced')
        early.push(`reply ${replies} (${data.slice(0, 60)}): ${log} is ${state}`)
    }
    written.clear()
  }
  return { replies, early }
}

function isTo(target: string, port: number): boolean {
  return target.startsWith('TCP') && target.endsWith(`:${port}]`)
}
