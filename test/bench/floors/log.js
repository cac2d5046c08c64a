// One Durable Object with one table, and nothing around it: what SQLite in workerd gives at most. Not a
// log: no offsets, no checks, no group commit. Over HTTP a loop of inserts and a scan run inside the
// object, or many objects get a row each; over TCP each frame (Kafka's: its size, then key, version and
// correlation id) is one RPC, one row and one commit, answered by its correlation id.

import { DurableObject } from 'cloudflare:workers'
import { frames } from './frames.js'

const CREATE =
  'CREATE TABLE IF NOT EXISTS chunk (first_offset INTEGER PRIMARY KEY, data BLOB NOT NULL)'
const INSERT = 'INSERT INTO chunk (data) VALUES (?)'
const SCAN = 'SELECT data FROM chunk ORDER BY first_offset'

const TOUCHED_AT_ONCE = 8

/** Offset of the correlation id in a request, after its key and version. */
const CORRELATION_AT = 4

export class Partition extends DurableObject {
  #created = false

  /** Inserts rows one by one, each committed and confirmed before the next. */
  async insert(rows, rowBytes) {
    this.#create()
    const data = new Uint8Array(rowBytes)
    for (let at = 0; at < rowBytes; at += 65_536) {
      crypto.getRandomValues(data.subarray(at, Math.min(rowBytes, at + 65_536)))
    }
    const start = performance.now()
    for (let row = 0; row < rows; row++) {
      this.ctx.storage.sql.exec(INSERT, data).toArray()
      await this.ctx.storage.sync()
    }
    return { ms: performance.now() - start, bytes: rows * rowBytes, rows }
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

  append(data) {
    this.#create()
    this.ctx.storage.sql.exec(INSERT, data).toArray()
  }

  #create() {
    if (this.#created) return
    this.ctx.storage.sql.exec(CREATE)
    this.#created = true
  }
}

/** The object with this id in hexadecimal, or the only one a floor makes for itself. */
function object(env, id) {
  const name = id ? env.PARTITION.idFromString(id) : env.PARTITION.idFromName('floor')
  return env.PARTITION.get(name)
}

/** Appends a small row to each of so many objects, a few at a time. */
async function touch(env, objects) {
  const start = performance.now()
  for (let at = 0; at < objects; at += TOUCHED_AT_ONCE) {
    const some = Array.from({ length: Math.min(TOUCHED_AT_ONCE, objects - at) }, (_, each) =>
      env.PARTITION.getByName(`touched-${at + each}`).append(new Uint8Array(100)),
    )
    await Promise.all(some)
  }
  return { ms: performance.now() - start, bytes: objects * 100, rows: objects }
}

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url)
    const log = object(env, searchParams.get('id'))
    if (pathname === '/scan') return Response.json(await log.scan())
    if (pathname === '/touch') {
      return Response.json(await touch(env, Number(searchParams.get('objects'))))
    }
    if (pathname !== '/insert') return new Response('not found', { status: 404 })
    const rows = Number(searchParams.get('rows'))
    return Response.json(await log.insert(rows, Number(searchParams.get('rowBytes'))))
  },

  async connect(socket, env) {
    const log = object(env, null)
    const writer = socket.writable.getWriter()
    let replies = Promise.resolve()
    for await (const frame of frames(socket.readable)) {
      const reply = new Uint8Array(8)
      reply[3] = 4
      reply.set(frame.subarray(CORRELATION_AT, CORRELATION_AT + 4), 4)
      const appended = log.append(frame)
      replies = replies.then(async () => {
        await appended
        await writer.write(reply)
      })
    }
    await replies
    await writer.close()
  },
}
