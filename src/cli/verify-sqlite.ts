// Reads the tables of a SQLite database file and its write-ahead log without SQLite and without writing:
// what SQLite would make of the log on opening it is found out, not done. Goes on behind what is damaged. Of
// the format (sqlite.org/fileformat2.html) only what our objects use: UTF-8, no views, no virtual tables.

import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'

/** What a column holds. */
export type Value = number | string | Uint8Array | null
export type SqliteRow = Readonly<Record<string, Value>>

/** A row, or what could not be read where rows should be. */
export type Found = { readonly row: SqliteRow } | { readonly damage: string }

/** Not a database, or one that cannot be read at all. */
export class UnreadableFileError extends Error {
  override readonly name = 'UnreadableFileError'
}

const MAGIC = 'SQLite format 3\0'
const FILE_HEADER_BYTES = 100
const WAL_HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const UTF8_ENCODING = 1
/** Types of b-tree pages. */
const TABLE_LEAF = 13
const TABLE_INTERIOR = 5
const INDEX_LEAF = 10
const INDEX_INTERIOR = 2
/** No row of ours is larger; a length beyond it is not allocated. */
const PAYLOAD_MAX_BYTES = 64 * 1024 * 1024

interface Table {
  readonly rootPage: number
  readonly columns: readonly string[]
  /** The column that stands for the rowid; null without one. */
  readonly rowid: string | null
  readonly hasRowid: boolean
}

/** Thrown inside this file where a page is not what it should be; it leaves as `damage`. */
class DamagedPage extends Error {}

/** One database file, opened for reading. */
export class SqliteFile {
  readonly #file: number
  readonly #log: WriteAheadLog | null
  readonly #pageBytes: number
  readonly #usableBytes: number
  readonly #pages: number
  readonly #tables = new Map<string, Table>()
  /** What is wrong with the file as a whole. */
  readonly damage: string[] = []

  /**
   * @param isGlance nothing is checked of the write-ahead log but whose frames are there: quick, for a value that never
   * changes
   * @throws UnreadableFileError
   */
  constructor(path: string, isGlance = false) {
    this.#file = openSync(path, 'r')
    const logPath = `${path}-wal`
    this.#log = existsSync(logPath) ? new WriteAheadLog(logPath, isGlance) : null
    if (this.#log?.damage) this.damage.push(this.#log.damage)
    const header = this.#header()
    const pageBytes = header.readUInt16BE(16)
    this.#pageBytes = pageBytes === 1 ? 65_536 : pageBytes
    this.#usableBytes = this.#pageBytes - header.readUInt8(20)
    this.#pages = this.#log?.pages ?? Math.ceil(fstatSync(this.#file).size / this.#pageBytes)
    this.#readSchema()
  }

  close(): void {
    closeSync(this.#file)
    this.#log?.close()
  }

  /** Names of all tables. */
  get tables(): readonly string[] {
    return [...this.#tables.keys()]
  }

  has(table: string): boolean {
    return this.#tables.has(table)
  }

  /** All rows of a table in the order of their keys; nothing when there is no such table. */
  *rows(name: string): Generator<Found> {
    const table = this.#tables.get(name)
    if (table === undefined) return
    for (const cell of this.#cells(table.rootPage)) {
      if ('damage' in cell) yield cell
      else yield { row: rowOf(table, cell) }
    }
  }

  #header(): Buffer {
    const header = this.#log?.page(1) ?? readAt(this.#file, 0, FILE_HEADER_BYTES)
    const isDatabase =
      header.length >= FILE_HEADER_BYTES && header.toString('latin1', 0, 16) === MAGIC
    if (!isDatabase) throw new UnreadableFileError('it is no SQLite database')
    if (header.readUInt32BE(56) > UTF8_ENCODING) {
      throw new UnreadableFileError('its text is not UTF-8')
    }
    return header
  }

  #readSchema(): void {
    for (const cell of this.#cells(1)) {
      if ('damage' in cell) {
        this.damage.push(`the list of its tables: ${cell.damage}`)
        continue
      }
      const [type, name, , rootPage, sql] = cell.values
      if (type !== 'table' || typeof name !== 'string' || typeof rootPage !== 'number') continue
      this.#tables.set(name, tableOf(rootPage, String(sql)))
    }
  }

  /** The cells of a b-tree in order. */
  *#cells(root: number): Generator<Cell | { readonly damage: string }> {
    const seen = new Set<number>()
    const waiting: (number | Cell)[] = [root]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (typeof next !== 'number') {
        yield next
        continue
      }
      const number = next
      try {
        if (seen.has(number)) throw new DamagedPage('is reached twice')
        seen.add(number)
        const { cells, children } = this.#btreePage(number)
        if (children === null) yield* cells
        else waiting.push(...inOrder(cells, children).toReversed())
      } catch (error) {
        if (!(error instanceof DamagedPage || error instanceof RangeError)) throw error
        yield { damage: `page ${number} ${error.message}` }
      }
    }
  }

  /** A page's cells, and its children when it has any (one more than cells). */
  #btreePage(number: number): { cells: Cell[]; children: number[] | null } {
    const page = this.#page(number)
    const at = number === 1 ? FILE_HEADER_BYTES : 0
    const type = page.readUInt8(at)
    const isInterior = type === TABLE_INTERIOR || type === INDEX_INTERIOR
    if (!isInterior && type !== TABLE_LEAF && type !== INDEX_LEAF) {
      throw new DamagedPage(`has no type that can be (${type})`)
    }
    const count = page.readUInt16BE(at + 3)
    const pointers = at + (isInterior ? 12 : 8)
    if (pointers + 2 * count > this.#usableBytes) throw new DamagedPage(`has ${count} cells`)
    const cells: Cell[] = []
    const children: number[] = []
    for (let index = 0; index < count; index++) {
      let cell = page.readUInt16BE(pointers + 2 * index)
      if (isInterior) {
        children.push(page.readUInt32BE(cell))
        cell += 4
      }
      // An interior page of a table holds keys alone, which its leaves have too.
      if (type !== TABLE_INTERIOR) cells.push(this.#cell(page, cell, type === TABLE_LEAF))
    }
    if (isInterior) children.push(page.readUInt32BE(at + 8))
    return { cells, children: isInterior ? children : null }
  }

  #cell(page: Buffer, start: number, isTable: boolean): Cell {
    const [bytes, afterBytes] = varint(page, start)
    const [rowid, at] = isTable ? varint(page, afterBytes) : [0, afterBytes]
    if (bytes < 0 || bytes > PAYLOAD_MAX_BYTES) throw new DamagedPage(`has a row of ${bytes} bytes`)
    const usable = this.#usableBytes
    const local = localBytes(bytes, usable, isTable)
    if (at + local > usable) throw new DamagedPage('has a row that reaches beyond it')
    if (local === bytes) return { rowid, values: record(page.subarray(at, at + local)) }
    const payload = Buffer.alloc(bytes)
    page.copy(payload, 0, at, at + local)
    let filled = local
    let next = page.readUInt32BE(at + local)
    while (filled < bytes) {
      if (next === 0) throw new DamagedPage('has a row whose rest is gone')
      const overflow = this.#page(next)
      const taken = Math.min(bytes - filled, usable - 4)
      overflow.copy(payload, filled, 4, 4 + taken)
      filled += taken
      next = overflow.readUInt32BE(0)
    }
    return { rowid, values: record(payload) }
  }

  #page(number: number): Buffer {
    if (number < 1 || number > this.#pages) throw new DamagedPage(`refers to page ${number}`)
    const page =
      this.#log?.page(number) ?? readAt(this.#file, (number - 1) * this.#pageBytes, this.#pageBytes)
    if (page.length < this.#pageBytes)
      throw new DamagedPage(`refers to page ${number}, which is cut`)
    return page
  }
}

interface Cell {
  readonly rowid: number
  readonly values: readonly Value[]
}

/** In an index the cells of an interior page lie between its children. */
function inOrder(cells: readonly Cell[], children: readonly number[]): (number | Cell)[] {
  return children.flatMap((child, index) => {
    const cell = cells[index]
    return cell === undefined ? [child] : [child, cell]
  })
}

/** How much of a row lies in its page. */
function localBytes(bytes: number, usable: number, isTable: boolean): number {
  const most = isTable ? usable - 35 : Math.floor(((usable - 12) * 64) / 255) - 23
  if (bytes <= most) return bytes
  const least = Math.floor(((usable - 12) * 32) / 255) - 23
  const local = least + ((bytes - least) % (usable - 4))
  return local <= most ? local : least
}

/** A variable-length integer and where it ends. Exact below 2^53, as all of ours are. */
function varint(bytes: Buffer, at: number): [value: number, end: number] {
  let value = 0n
  for (let index = 0; index < 8; index++) {
    const byte = bytes.readUInt8(at + index)
    value = (value << 7n) | BigInt(byte & 0x7f)
    if (byte < 0x80) return [Number(value), at + index + 1]
  }
  value = (value << 8n) | BigInt(bytes.readUInt8(at + 8))
  return [Number(BigInt.asIntN(64, value)), at + 9]
}

const NUMBER_BYTES = [0, 1, 2, 3, 4, 6, 8] as const

function record(bytes: Buffer): Value[] {
  const [headerBytes, start] = varint(bytes, 0)
  if (headerBytes > bytes.length) throw new DamagedPage('has a row without an end')
  const values: Value[] = []
  let at = headerBytes
  for (let next = start; next < headerBytes; ) {
    const [type, after] = varint(bytes, next)
    next = after
    const length =
      type >= 12 ? Math.floor((type - 12) / 2) : type === 7 ? 8 : (NUMBER_BYTES[type] ?? 0)
    if (type < 0 || at + length > bytes.length) throw new DamagedPage('has a row that is cut')
    values.push(valueOfType(type, bytes, at, length))
    at += length
  }
  return values
}

function valueOfType(type: number, bytes: Buffer, at: number, length: number): Value {
  if (type >= 12) {
    const part = bytes.subarray(at, at + length)
    return type % 2 === 0 ? new Uint8Array(part) : part.toString('utf8')
  }
  if (type === 0) return null
  if (type === 7) return bytes.readDoubleBE(at)
  if (type === 8 || type === 9) return type - 8
  if (type > 9) throw new DamagedPage('has a row of an unknown type')
  if (length === 8) return Number(bytes.readBigInt64BE(at))
  return length === 0 ? 0 : bytes.readIntBE(at, length)
}

function rowOf({ columns, rowid }: Table, cell: Cell): SqliteRow {
  const row: Record<string, Value> = {}
  for (const [index, column] of columns.entries()) {
    // A column that was added later is missing in older rows.
    row[column] = column === rowid ? cell.rowid : (cell.values[index] ?? null)
  }
  return row
}

/** Reads the names of the columns from a CREATE TABLE, in the order in which they are stored. */
function tableOf(rootPage: number, sql: string): Table {
  const definitions = topLevelParts(sql.slice(sql.indexOf('(') + 1, sql.lastIndexOf(')')))
  const constraint = definitions.find((part) => /^PRIMARY\s+KEY\s*\(/i.test(part))
  const columns = definitions.filter(
    (part) => !/^(PRIMARY\s+KEY|UNIQUE|CHECK|FOREIGN\s+KEY|CONSTRAINT)\b/i.test(part),
  )
  const names = columns.map((part) => part.split(/\s/, 1)[0] ?? '')
  const hasRowid = !/\)\s*WITHOUT\s+ROWID\s*$/i.test(sql)
  const alias = columns.findIndex((part) => /^\S+\s+INTEGER\s+PRIMARY\s+KEY\b/i.test(part))
  const rowid = hasRowid ? (names[alias] ?? null) : null
  if (hasRowid) return { rootPage, columns: names, rowid, hasRowid }
  // Without a rowid the key's columns come first.
  const own = columns.findIndex((part) => /\bPRIMARY\s+KEY\b/i.test(part))
  const listed = /\(([^)]*)\)/
    .exec(constraint ?? '')?.[1]
    ?.split(',')
    .map((name) => name.trim())
  const key = listed ?? names.slice(own, own + 1)
  return { rootPage, columns: [...new Set([...key, ...names])], rowid, hasRowid }
}

function topLevelParts(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let from = 0
  for (let at = 0; at <= text.length; at++) {
    const char = text[at]
    if (char === '(') depth++
    if (char === ')') depth--
    if (at < text.length && (char !== ',' || depth > 0)) continue
    parts.push(text.slice(from, at).trim())
    from = at + 1
  }
  return parts.filter((part) => part !== '')
}

/** The write-ahead log beside a database: which pages it holds, up to the last commit that is whole. */
class WriteAheadLog {
  readonly #file: number
  readonly #pageBytes: number = 0
  /** Where the newest committed copy of a page lies. */
  readonly #frames = new Map<number, number>()
  /** Pages of the database after the last commit; null when the log holds none. */
  readonly pages: number | null = null
  /** Frames of this log that lie behind one that is not whole: SQLite would drop them in silence. */
  readonly damage: string | null = null

  constructor(path: string, isGlance: boolean) {
    this.#file = openSync(path, 'r')
    const header = readAt(this.#file, 0, WAL_HEADER_BYTES)
    if (header.length < WAL_HEADER_BYTES) return
    const isBigEndian = header.readUInt32BE(0) === 0x377f0683
    if (!isBigEndian && header.readUInt32BE(0) !== 0x377f0682) return
    this.#pageBytes = header.readUInt32BE(8)
    let sum = checksum(header.subarray(0, 24), [0, 0], isBigEndian)
    if (!isSum(header, 24, sum)) return
    const salts = header.subarray(16, 24)
    const frameBytes = FRAME_HEADER_BYTES + this.#pageBytes
    const readBytes = isGlance ? FRAME_HEADER_BYTES : frameBytes
    const uncommitted = new Map<number, number>()
    let broken: number | null = null
    let later = 0
    for (let index = 0; ; index++) {
      const at = WAL_HEADER_BYTES + index * frameBytes
      const frame = readAt(this.#file, at, readBytes)
      if (frame.length < readBytes) break
      const isOfThisLog = frame.subarray(8, 16).equals(salts)
      if (broken !== null) {
        if (isOfThisLog && frame.readUInt32BE(0) > 0) later++
        continue
      }
      if (!isGlance) {
        sum = checksum(frame.subarray(0, 8), sum, isBigEndian)
        sum = checksum(frame.subarray(FRAME_HEADER_BYTES), sum, isBigEndian)
      }
      if (!isOfThisLog || !(isGlance || isSum(frame, 16, sum))) {
        broken = index
        if (isOfThisLog) later++
        continue
      }
      uncommitted.set(frame.readUInt32BE(0), at + FRAME_HEADER_BYTES)
      const pages = frame.readUInt32BE(4)
      if (pages === 0) continue
      this.pages = pages
      for (const [page, where] of uncommitted) this.#frames.set(page, where)
      uncommitted.clear()
    }
    if (later > 0) {
      this.damage =
        `its write-ahead log is damaged at frame ${broken}: ${later} frames from there on are lost. ` +
        'What they hold was acknowledged, unless the machine lost power while they were written'
    }
  }

  /** The page as the log holds it; null when it does not. */
  page(number: number): Buffer | null {
    const at = this.#frames.get(number)
    return at === undefined ? null : readAt(this.#file, at, this.#pageBytes)
  }

  close(): void {
    closeSync(this.#file)
  }
}

type Sum = readonly [number, number]

function checksum(bytes: Buffer, from: Sum, isBigEndian: boolean): Sum {
  let [first, second] = from
  for (let at = 0; at < bytes.length; at += 8) {
    const one = isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)
    const other = isBigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)
    first = (first + one + second) >>> 0
    second = (second + other + first) >>> 0
  }
  return [first, second]
}

function isSum(bytes: Buffer, at: number, [first, second]: Sum): boolean {
  return bytes.readUInt32BE(at) === first && bytes.readUInt32BE(at + 4) === second
}

function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const read = readSync(file, bytes, filled, length - filled, position + filled)
    if (read === 0) break
    filled += read
  }
  return bytes.subarray(0, filled)
}
