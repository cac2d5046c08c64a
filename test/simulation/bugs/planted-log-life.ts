// Bugs of the life of a log, planted as those of planted.ts are. Some of them were found here first.

import type { PlantedBug } from './planted.ts'

const FRONT = 'partition/log-front.ts'
const SNAPSHOTS = 'partition/producer-snapshots.ts'
const FILTER = 'partition/compaction/batch-filter.ts'
const PASS = 'partition/compaction/pass.ts'
const RETENTION = 'partition/lifecycle/retention.ts'
const MERGING = 'partition/lifecycle/merging.ts'

export const LOG_LIFE_BUGS: readonly PlantedBug[] = [
  bug('last-value-dropped', 'compaction takes the last record of a key for superseded', {
    file: FILTER,
    from: 'map.lastOffset(scan.words, scan.wordsOf(record)) > offset) continue',
    to: 'map.lastOffset(scan.words, scan.wordsOf(record)) >= offset) continue',
  }),
  bug(
    'tombstone-dropped-early',
    'compaction removes a tombstone the second time that it meets it',
    {
      file: FILTER,
      from: 'const tombstonesStay = !header.deleteHorizon || nowMs < baseTimestamp',
      to: 'const tombstonesStay = !header.deleteHorizon || nowMs < 0',
    },
  ),
  bug('open-transactions-compacted', 'compaction goes beyond the last stable offset', {
    file: 'partition/compaction/compactor.ts',
    from: 'const bound = Math.min(lastStableOffset, activeFrom)',
    to: 'const bound = activeFrom',
  }),
  bug('young-records-compacted', 'compaction does not know min.compaction.lag.ms', {
    file: 'partition/compaction/cleanable.ts',
    from: 'return lagMs === 0 ? null',
    to: 'return lagMs >= 0 ? null',
  }),
  bug('full-map-ignored', 'what found no room in the map of a pass counts as clean', {
    file: PASS,
    from: 'this.#mapEnd = full\n',
    to: '',
  }),
  bug(
    'producers-lost-by-compaction',
    'compaction removes what chunks say of producers, and no snapshot has it',
    {
      file: SNAPSHOTS,
      from: 'if (!this.lacks(offset)) return',
      to: 'if (offset >= 0) return',
    },
  ),
  bug(
    'producers-lost-by-retention',
    'chunks are freed that hold changes of producers that no snapshot has',
    {
      file: FRONT,
      from: 'const snapshotDue = snapshots.lacks(logStart)',
      to: 'const snapshotDue = false',
    },
  ),
  bug('producers-lost-by-merging', 'a merged row does not say what its rows changed of producers', {
    file: MERGING,
    from: 'producers: joined(since.map(({ producers }) => producers)),',
    to: 'producers: null,',
  }),
  bug('merged-row-loses-a-batch', 'a merged row lacks the last of its rows', {
    file: MERGING,
    from: 'concatBytes(chunks.map((chunk) => chunk.data))',
    to: 'concatBytes(chunks.slice(0, Math.max(1, chunks.length - 1)).map((chunk) => chunk.data))',
  }),
  bug('active-segment-deleted-by-size', 'retention.bytes takes the segment that is written to', {
    file: RETENTION,
    from: 'if (next === null) return retentionBytes === 0',
    to: 'if (next === null) return runningSizeBytes > retentionBytes',
  }),
  bug('log-start-not-persisted', 'the log start moves in memory alone', {
    file: FRONT,
    from: '      store.saveLogStart(logStart)\n',
    to: '',
  }),
  bug(
    'aborted-index-trimmed-too-early',
    'freeing chunks forgets the aborted transactions behind them',
    {
      file: 'partition/lifecycle/freeing.ts',
      from: 'store.aborted.delete(lastOffset)',
      to: 'store.aborted.delete(lastOffset + 50)',
    },
  ),
  bug('alarm-not-set-after-a-failed-step', 'a chore that fails leaves no alarm behind', {
    file: 'partition/lifecycle/housekeeping.ts',
    from: '        ran = true\n        this.#host.report(chore.failure, error)\n',
    to: '        this.#host.report(chore.failure, error)\n        return true\n',
  }),
  bug('unset-alarm-forgotten', 'an alarm that could not be set is not set again', {
    file: 'runtime/alarm.ts',
    from: '      this.wakeAt(unsetMs)\n',
    to: '',
  }),
  bug('alarm-after-the-commit', 'what a flush makes due is asked for when it is confirmed', {
    file: 'partition/leader-log.ts',
    from: 'this.#log?.asConfirmed(() => this.schedule())',
    to: 'void this.#host.sync().then(() => this.schedule(), () => {})',
  }),
  bug(
    'freed-pieces-called-damaged',
    'a large batch that is freed while it is read is taken for damaged',
    {
      file: FRONT,
      from: '    reads.forgetPieces()\n    state.freedBytes += freed.bytes\n',
      to: '    state.freedBytes += freed.bytes\n',
    },
  ),
  bug(
    'refused-unread-forgotten',
    'a log that could not be loaded takes a batch before the one it refused',
    {
      file: 'partition/arrivals.ts',
      from: 'for (const header of this.#unread.splice(0)) log.awaitRetry(header)',
      to: '',
    },
  ),
]

function bug(name: string, what: string, ...edits: PlantedBug['edits']): PlantedBug {
  return { name, what, scenario: 'log-life', edits }
}
