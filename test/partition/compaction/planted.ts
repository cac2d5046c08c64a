// Bugs that are planted to prove that the model finds bugs, as those of the simulation are. Whoever changes
// a line that a bug replaces gets a failing test, and mends the bug here.

import type { PlantedBug } from '../../simulation/bugs/planted.ts'

const FILTER = 'partition/compaction/batch-filter.ts'
const COMPACTOR = 'partition/compaction/compactor.ts'
const PASS = 'partition/compaction/pass.ts'
const REPLACEMENT = 'partition/compaction/replacement.ts'
const VIEWS = 'partition/log-views.ts'

const BUGS: readonly Omit<PlantedBug, 'scenario'>[] = [
  {
    name: 'latest-removed',
    what: 'the last record of a key goes with those before it',
    edits: [
      {
        file: FILTER,
        from: 'scan.wordsOf(record)) > offset) continue',
        to: 'scan.wordsOf(record)) >= offset) continue',
      },
    ],
  },
  {
    name: 'another-offset-marked',
    what: 'the record behind the last of a key stays instead of it',
    edits: [
      {
        file: 'partition/compaction/offset-map.ts',
        from: 'bits.set(this.#first + distance - 1)',
        to: 'bits.set(this.#first + distance)',
      },
    ],
  },
  {
    name: 'half-mapped-batch-decided',
    what: 'a batch counts as gone over though the map had no room for all its keys',
    edits: [
      {
        file: FILTER,
        from: 'scan.wordsOf(record), offset)) return offset',
        to: 'scan.wordsOf(record), offset)) hasTombstones = false',
      },
    ],
  },
  {
    name: 'clean-beyond-the-map',
    what: 'all that was to be cleaned counts as clean when the map was full',
    edits: [
      { file: COMPACTOR, from: 'const cleanEnd = pass.mapEnd', to: 'const cleanEnd = pass.end' },
    ],
  },
  {
    name: 'aborted-keys-counted',
    what: 'an aborted record takes the place of a committed one',
    edits: [
      {
        file: FILTER,
        from: 'if (header.transactional && transactions.isAborted(header)) return nothing',
        to: '',
      },
    ],
  },
  {
    name: 'open-transactions-cleaned',
    what: 'records beyond the last stable offset are compacted',
    edits: [
      {
        file: COMPACTOR,
        from: 'const bound = Math.min(lastStableOffset, activeFrom)',
        to: 'const bound = Math.max(0 * lastStableOffset, activeFrom)',
      },
    ],
  },
  {
    name: 'memory-not-dropped',
    what: 'replaced chunks are still read from memory',
    edits: [{ file: VIEWS, from: 'tail.dropBetween(firstFrom, firstTo)', to: '' }],
  },
  {
    name: 'producers-lost',
    what: 'what replaced chunks said of producers is in no snapshot',
    edits: [{ file: PASS, from: 'log.coverProducers(end, nowMs)', to: '' }],
  },
  {
    name: 'times-not-shifted',
    what: 'a delete horizon moves the times of the records',
    edits: [
      {
        file: 'record/retain.ts',
        from: 'const shift = header.baseTimestamp - (retained.deleteHorizonMs ?? 0)',
        to: 'const shift = 0',
      },
    ],
  },
  {
    name: 'tombstones-at-once',
    what: 'a tombstone goes before its time',
    edits: [
      {
        file: FILTER,
        from: 'const tombstonesStay = !header.deleteHorizon || nowMs < baseTimestamp',
        to: 'const tombstonesStay = false',
      },
    ],
  },
  {
    name: 'last-batch-of-producer-removed',
    what: 'the batch that an active producer is known by goes',
    edits: [
      {
        file: FILTER,
        from: 'if (!isKnownBy(header, rules)) return null',
        to: 'return null',
      },
    ],
  },
  {
    name: 'resumed-with-another-map',
    what: 'a pass goes on where it was, with a map that ends elsewhere',
    edits: [
      {
        file: COMPACTOR,
        from: 'return new Pass(this.#passHost, from, mapEnd)',
        to: 'return new Pass(this.#passHost, from, this.#log.activeFrom)',
      },
      { file: PASS, from: 'const isSame = mapEnd === this.#mapEnd', to: 'const isSame = true' },
    ],
  },
  {
    name: 'marker-gone-before-its-entry',
    what: 'the marker of an aborted transaction goes and the index keeps the transaction',
    edits: [
      {
        file: FILTER,
        from: 'const isOver = header.baseTimestamp <= nowMs',
        to: 'const isOver = true',
      },
      {
        file: REPLACEMENT,
        from: 'for (const marker of this.#spent) store.deleteAborted(marker)',
        to: '',
      },
    ],
  },
]

export const PLANTED: readonly PlantedBug[] = BUGS.map((bug) => ({
  ...bug,
  scenario: 'compaction',
}))
