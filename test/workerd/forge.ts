// Changes rows of an object's checked tables in the runtime, as if the object had written them itself.

import { type CheckedValue, checksumOf } from '../../src/runtime/checked-table.ts'

/** Runs the statement, then gives each row of the table the checksum of what it holds now. */
export function forge(
  { sql }: DurableObjectStorage,
  table: string,
  keyColumn: string,
  query: string,
): void {
  sql.exec(query).toArray()
  for (const row of sql.exec<Record<string, CheckedValue>>(`SELECT * FROM ${table}`).toArray()) {
    const { checksum: _, ...columns } = row
    const key = columns[keyColumn] ?? null
    sql.exec(`UPDATE ${table} SET checksum = ? WHERE ${keyColumn} = ?`, checksumOf(columns), key)
  }
}
