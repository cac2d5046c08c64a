// What a transaction coordinator keeps in SQLite: one row of state, and its participants in chunks.
// Nothing is created for an id that was never initialised. Not what may change: transaction.ts decides.
// SQL texts are constants because the platform caches statements by their text.

import { CheckedTable } from '../runtime/checked-table.ts'
import { CREATE_SCHEMA, type Storage, storedSchema } from '../runtime/storage.ts'
import type { Participant } from './contract.ts'
import { Participants } from './participants.ts'
import type { StoredStateName, TransactionState } from './state.ts'
import type { Change } from './transaction.ts'

/** The layout this code reads and writes. A newer one is refused. */
export const SCHEMA_VERSION = 2

const CREATE = [
  CREATE_SCHEMA,
  `CREATE TABLE txn (
    id INTEGER PRIMARY KEY CHECK (id = 0), transactional_id TEXT NOT NULL, state TEXT NOT NULL,
    producer_id INTEGER NOT NULL, producer_epoch INTEGER NOT NULL,
    last_producer_epoch INTEGER NOT NULL, previous_producer_id INTEGER NOT NULL,
    next_producer_id INTEGER NOT NULL, timeout_ms INTEGER NOT NULL,
    start_time_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, number INTEGER NOT NULL,
    checksum INTEGER)`,
  // A row of another number than the state's is of an older transaction and means nothing: so the end
  // of a transaction writes one row, not one for each chunk.
  `CREATE TABLE participants (
    chunk INTEGER PRIMARY KEY, number INTEGER NOT NULL, entries TEXT NOT NULL, checksum INTEGER)`,
] as const

const INSERT_SCHEMA = 'INSERT INTO schema_version (version) VALUES (?)'
const SET_SCHEMA = 'UPDATE schema_version SET version = ?'

const STATE = new CheckedTable('txn', [
  'id',
  'transactional_id',
  'state',
  'producer_id',
  'producer_epoch',
  'last_producer_epoch',
  'previous_producer_id',
  'next_producer_id',
  'timeout_ms',
  'start_time_ms',
  'updated_ms',
  'number',
])
const PARTICIPANTS = new CheckedTable('participants', ['chunk', 'number', 'entries'])
const DELETE_STATE = 'DELETE FROM txn'
const OF_TRANSACTION = 'WHERE number = ? ORDER BY chunk'
const DELETE_LATER_PARTICIPANTS = 'DELETE FROM participants WHERE chunk > 0'
const DELETE_PARTICIPANTS = 'DELETE FROM participants'

/** What a start finds. */
export interface Loaded {
  readonly state: TransactionState | null
  readonly participants: Participants
}

/**
 * Reads what is kept.
 * @throws NewerSchemaError when a newer release wrote the storage
 * @throws DamagedRowError when it is not as it was written
 */
export function load(storage: Storage): Loaded {
  const version = storedSchema(storage, SCHEMA_VERSION)
  if (version === null) return { state: null, participants: new Participants() }
  if (version < SCHEMA_VERSION) upgrade(storage)
  const state = readState(storage)
  const open = state !== null && (state.state === 'Ongoing' || state.state.startsWith('Prepare'))
  const chunks = open ? readParticipants(storage, state.number) : []
  return { state, participants: new Participants(chunks) }
}

/** Writes the changes, all or none. Of several states in a row only the last is written. */
export function write(storage: Storage, changes: readonly Change[]): void {
  storage.transactionSync(() => {
    if (!isCreated(storage)) create(storage)
    const lastState = changes.findLastIndex(({ kind }) => kind === 'state' || kind === 'gone')
    for (const [index, change] of changes.entries()) {
      if (change.kind !== 'state' || index === lastState) put(storage, change)
    }
  })
}

function put(storage: Storage, change: Change): void {
  const { sql } = storage
  switch (change.kind) {
    case 'state':
      STATE.put(storage, stateRow(change.state))
      break
    case 'participants': {
      const { chunk, number, entries } = change
      PARTICIPANTS.put(storage, { chunk, number, entries: JSON.stringify(entries) })
      break
    }
    case 'tidy':
      sql.exec(DELETE_LATER_PARTICIPANTS).toArray()
      break
    case 'gone':
      sql.exec(DELETE_STATE).toArray()
      sql.exec(DELETE_PARTICIPANTS).toArray()
      break
  }
}

function stateRow(state: TransactionState) {
  return {
    id: 0,
    transactional_id: state.transactionalId,
    state: state.state,
    producer_id: state.producerId,
    producer_epoch: state.producerEpoch,
    last_producer_epoch: state.lastProducerEpoch,
    previous_producer_id: state.previousProducerId,
    next_producer_id: state.nextProducerId,
    timeout_ms: state.timeoutMs,
    start_time_ms: state.startTimeMs,
    updated_ms: state.updatedMs,
    number: state.number,
  }
}

function readState(storage: Storage): TransactionState | null {
  const [row] = STATE.read(storage)
  if (row === undefined) return null
  return {
    transactionalId: String(row.transactional_id),
    state: String(row.state) as StoredStateName,
    producerId: Number(row.producer_id),
    producerEpoch: Number(row.producer_epoch),
    lastProducerEpoch: Number(row.last_producer_epoch),
    previousProducerId: Number(row.previous_producer_id),
    nextProducerId: Number(row.next_producer_id),
    timeoutMs: Number(row.timeout_ms),
    startTimeMs: Number(row.start_time_ms),
    updatedMs: Number(row.updated_ms),
    number: Number(row.number),
  }
}

function readParticipants(storage: Storage, number: number): Participant[][] {
  return PARTICIPANTS.read(storage, OF_TRANSACTION, number).map(({ entries }) =>
    JSON.parse(String(entries)),
  )
}

function isCreated(storage: Storage): boolean {
  return storedSchema(storage, SCHEMA_VERSION) !== null
}

/** The first layout had no checksums. */
function upgrade(storage: Storage): void {
  storage.transactionSync(() => {
    STATE.addChecksums(storage)
    PARTICIPANTS.addChecksums(storage)
    storage.sql.exec(SET_SCHEMA, SCHEMA_VERSION).toArray()
  })
}

function create({ sql }: Storage): void {
  for (const statement of CREATE) sql.exec(statement).toArray()
  sql.exec(INSERT_SCHEMA, SCHEMA_VERSION).toArray()
}
