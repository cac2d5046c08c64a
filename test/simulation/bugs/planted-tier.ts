// Bugs of a log that is tiered, planted as those of planted.ts are. The last one was found here first.

import type { PlantedBug } from './planted.ts'

const UPLOADER = 'partition/tiering/uploader.ts'
const COLLECTOR = 'partition/tiering/collector.ts'

export const TIER_BUGS: readonly PlantedBug[] = [
  bug('failed-upload-counts', 'an object that could not be put counts as a part of the log', {
    file: UPLOADER,
    from: 'await putAndReadBack(this.#objects, key, object)\n',
    to: 'await putAndReadBack(this.#objects, key, object).catch(() => {})\n',
  }),
  bug('given-up-before-tiered', 'local retention does not ask what the tier holds', {
    file: 'partition/tiering/local-retention.ts',
    from: 'if (end > tieredEnd || end > log.activeFrom)',
    to: 'if (end > log.activeFrom)',
  }),
  bug(
    'aborted-not-tiered',
    'a segment object does not say which of its transactions were aborted',
    {
      file: UPLOADER,
      from: 'const aborted = this.#aborted(firstOffset, lastOffset + 1)',
      to: 'const aborted: SegmentAborted[] = []',
    },
  ),
  bug('open-transactions-tiered', 'what belongs to open transactions is sealed', {
    file: 'partition/tiering/sealing.ts',
    from: 'return Math.min(log.lastStableOffset, log.activeFrom, log.mergedTo)',
    to: 'return Math.min(log.activeFrom, log.mergedTo)',
  }),
  bug(
    'late-put-forgotten',
    'a put that was given up on is forgotten as soon as its object was deleted',
    {
      file: COLLECTOR,
      from: 'nowMs >= sinceMs + TIER_LATE_PUT_MS)\n',
      to: 'nowMs >= sinceMs)\n',
    },
  ),
  bug('dropped-objects-not-deleted', 'nobody knows the objects of segments that have gone', {
    file: 'partition/tiering/tier-store.ts',
    from: '      this.#rows(ADD_GARBAGE, key, 0)\n',
    to: '',
  }),
  bug('producers-lost-by-trimming', 'what is given up locally takes changes of producers along', {
    file: 'partition/log-front.ts',
    from: '    snapshots.cover(localStart, nowMs)\n    store',
    to: '    store',
  }),
  bug('damaged-objects-served', 'what comes back of an object is taken for what was put there', {
    file: 'partition/tiering/tier-reader.ts',
    from: "damage: damaged.includes(chunk) ? 'their object in the tier is damaged' : null",
    to: 'damage: null',
  }),
  bug(
    'collected-before-it-is-safe',
    'objects are deleted before it is on disk that the log has given them up',
    {
      file: 'partition/tiering/worker.ts',
      from: '      await this.#host.sync()\n      return (await this.#collector',
      to: '      return (await this.#collector',
    },
  ),
  bug(
    'tiering-stuck-after-its-turn',
    'a log that waits for the turn of another never has its own',
    {
      file: 'partition/tiering/chore.ts',
      from: '    await null\n',
      to: '',
    },
  ),
]

function bug(name: string, what: string, ...edits: PlantedBug['edits']): PlantedBug {
  return { name, what, scenario: 'tiered-log', edits }
}
