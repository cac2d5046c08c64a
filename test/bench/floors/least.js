// The least that any broker on workerd does: it takes bytes over TCP or HTTP, has one object for each partition
// store them, one row and one commit for all that wait, and answers when they are synced; and it reads
// them back, or gives each reader over HTTP the same events of nothing but the clock. Not a log: no offsets, checks, checksums, limits or limits of memory. What the broker is slower than
// this is the broker's; what this is slower than a rival is workerd's and SQLite's.
// A frame (Kafka's: an int32 of its size) begins with an int16, the number of the partition, and a byte of
// what to do: 0 append the frame; 1 give bytes of the rows after the int32 that follows, as many as the
// next int32 says; 2 the same of rows that are kept in memory.

import { DurableObject } from 'cloudflare:workers'
import { frames } from './frames.js'

const CREATE =
  'CREATE TABLE IF NOT EXISTS chunk (first_offset INTEGER PRIMARY KEY, size INTEGER, data BLOB)'
const INSERT = 'INSERT INTO chunk (size, data) VALUES (?, ?)'
const SCAN = 'SELECT data FROM chunk ORDER BY first_offset'
const SIZES =
  'SELECT first_offset, size FROM chunk WHERE first_offset > ? ORDER BY first_offset LIMIT 64'
const READ =
  'SELECT data FROM chunk WHERE first_offset > ? AND first_offset <= ? ORDER BY first_offset'

/** At most in one row, as in the broker. */
const ROW_BYTES = 1024 * 1024
/** At most from one call, as in the broker. */
const PART_BYTES = 2 * 1024 * 1024

/** Handed over within the isolate: a call would copy what both sides can reach. */
const lent = new Map()
let lastLoan = 0

function lend(pieces) {
  lastLoan++
  lent.set(lastLoan, pieces)
  return lastLoan
}

function take(loan) {
  const pieces = lent.get(loan)
  lent.delete(loan)
  return pieces
}

function joined(pieces) {
  if (pieces.length === 1) return pieces[0]
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}

export class Partition extends DurableObject {
  #created = false
  #waiting = []
  #flushing = false
  #kept = null

  /** Stores what was lent; resolves when it is on disk. */
  append(loan) {
    return new Promise((resolve) => {
      for (const bytes of take(loan)) this.#waiting.push({ bytes, resolve })
      if (!this.#flushing) void this.#flush()
    })
  }

  async #flush() {
    this.#flushing = true
    if (!this.#created) this.ctx.storage.sql.exec(CREATE)
    this.#created = true
    while (this.#waiting.length > 0) {
      const row = []
      let bytes = 0
      for (const each of this.#waiting) {
        bytes += each.bytes.length
        if (row.length > 0 && bytes > ROW_BYTES) break
        row.push(each)
      }
      this.#waiting.splice(0, row.length)
      const data = joined(row.map((each) => each.bytes))
      this.ctx.storage.sql.exec(INSERT, data.length, data).toArray()
      await this.ctx.storage.sync()
      for (const { resolve } of row) resolve(true)
      // The answers leave before the next write.
      await this.ctx.storage.sync()
    }
    this.#flushing = false
  }

  /** Reads every row's blob once, in order. */
  scan() {
    const start = performance.now()
    let bytes = 0
    let rows = 0
    for (const row of this.ctx.storage.sql.exec(SCAN)) {
      bytes += row.data.byteLength
      rows++
    }
    return { ms: performance.now() - start, bytes, rows }
  }

  /** Rows after `after`, of at most `bytes`, lent; and the last one's number. */
  read(after, bytes) {
    const { sql } = this.ctx.storage
    let left = Math.min(bytes, PART_BYTES)
    let last = after
    for (const { first_offset, size } of sql.exec(SIZES, after).toArray()) {
      left -= size
      if (left < 0 && last > after) break
      last = first_offset
    }
    const rows = last > after ? sql.exec(READ, after, last).toArray() : []
    return { loan: lend(rows.map(({ data }) => new Uint8Array(data))), last }
  }

  /** The same from memory, where the first call puts it. */
  readKept(bytes) {
    this.#kept ??= take(this.read(-1, bytes).loan)
    return { loan: lend(this.#kept), last: 0 }
  }
}

/** Calls of one connection to one object: what comes in one turn leaves in one. */
class Appends {
  #object
  #frames = []
  #sent = null

  constructor(object) {
    this.#object = object
  }

  add(frame) {
    this.#frames.push(frame)
    this.#sent ??= Promise.resolve().then(() => {
      this.#sent = null
      return this.#object.append(lend(this.#frames.splice(0)))
    })
    return this.#sent
  }
}

/** Pieces until there are so many bytes, or no more; the last row that was given. */
async function give(object, view, writer) {
  const isKept = view.getUint8(2) === 2
  let after = view.getInt32(3)
  let left = view.getInt32(7)
  const pieces = []
  let bytes = 4
  while (left > 0) {
    const reply = isKept ? await object.readKept(left) : await object.read(after, left)
    const { loan, last } = reply
    reply[Symbol.dispose]?.()
    const read = take(loan)
    if (read.length === 0) break
    for (const piece of read) {
      bytes += piece.length
      left -= piece.length
    }
    pieces.push(...read)
    after = last
  }
  const head = new DataView(new ArrayBuffer(8))
  head.setInt32(0, bytes)
  head.setInt32(4, after)
  await writer.write(new Uint8Array(head.buffer))
  for (const piece of pieces) await writer.write(piece)
}

/** Requests over HTTP that come while a call is under way, which the first of them makes next. */
let gathering = null
let isUnderWay = false
let whenOver = () => {}

/** Each request is a context of its own: a call for each would cost more than all else that is done for it. */
async function overHttp(env, bytes) {
  if (gathering !== null) {
    gathering.pieces.push(bytes)
    return gathering.stored
  }
  const group = { pieces: [bytes] }
  group.stored = new Promise((resolve) => {
    group.resolve = resolve
  })
  if (isUnderWay) {
    gathering = group
    await new Promise((resolve) => {
      whenOver = resolve
    })
    gathering = null
  }
  isUnderWay = true
  await env.PARTITION.getByName('http').append(lend(group.pieces))
  isUnderWay = false
  whenOver()
  group.resolve()
}

/** As often, and as many events in each, as the broker gives at 100 records a second. */
const PIECE_MS = 100
const PIECE_EVENTS = 10

let piece = { atMs: 0, bytes: new Uint8Array(0) }

/** The same bytes for all streams: events that came one after the other since the piece before. */
function pieceNow() {
  const nowMs = Date.now()
  if (nowMs - piece.atMs >= PIECE_MS / 2) {
    let text = ''
    for (let event = PIECE_EVENTS - 1; event >= 0; event--) {
      const stamp = `sent=${nowMs - (event * PIECE_MS) / PIECE_EVENTS}`
      text += `id: 0:${nowMs}\ndata: {"offset":0,"timestamp":${nowMs},"key":null,"value":"${stamp}"}\n\n`
    }
    piece = { atMs: nowMs, bytes: new TextEncoder().encode(text) }
  }
  return piece.bytes
}

function events() {
  const { readable, writable } = new IdentityTransformStream()
  const write = async () => {
    const writer = writable.getWriter()
    await writer.write(new TextEncoder().encode(':\n\n'))
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, PIECE_MS))
      await writer.write(pieceNow())
    }
  }
  write().catch(() => {})
  return new Response(readable, { headers: { 'content-type': 'text/event-stream' } })
}

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url)
    const id = searchParams.get('id')
    if (pathname.endsWith('/events')) return events()
    if (pathname === '/scan') {
      return Response.json(await env.PARTITION.get(env.PARTITION.idFromString(id)).scan())
    }
    if (pathname === '/read') {
      const object = env.PARTITION.get(env.PARTITION.idFromString(id))
      const reply = await object.read(-1, Number(searchParams.get('bytes')))
      let bytes = 0
      for (const { buffer } of take(reply.loan)) {
        bytes += buffer.byteLength
        // Its memory goes back now, not when V8 collects garbage.
        buffer.transfer(0)
      }
      return Response.json({ ms: 0, bytes, rows: 0 })
    }
    const { value } = await request.json()
    await overHttp(env, new TextEncoder().encode(value))
    return Response.json({ offsets: [{ partition: 0, offset: 0, timestamp: Date.now() }] })
  },

  async connect(socket, env) {
    const opened = new Map()
    const objectOf = (partition) => {
      const known = opened.get(partition)
      if (known !== undefined) return known
      const name = env.ONLY
        ? env.PARTITION.idFromString(env.ONLY)
        : env.PARTITION.idFromName(`${partition}`)
      const object = env.PARTITION.get(name)
      const made = { object, appends: new Appends(object) }
      opened.set(partition, made)
      return made
    }
    const writer = socket.writable.getWriter()
    let replies = Promise.resolve()
    for await (const frame of frames(socket.readable)) {
      const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
      const { object, appends } = objectOf(view.getInt16(0))
      if (view.getUint8(2) > 0) {
        replies = replies.then(() => give(object, view, writer))
        continue
      }
      const reply = new Uint8Array(8)
      reply[3] = 4
      const appended = appends.add(frame)
      replies = replies.then(async () => {
        await appended
        await writer.write(reply)
      })
    }
    await replies
    await writer.close()
  },
}
