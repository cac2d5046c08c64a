// What runs before the broker's own modules when the bench counts: every object's SQL rows and alarms, and
// every call from one object or connection to another, by the bill's units. The broker's code is not
// changed: its classes are extended and its bindings wrapped. Local only: one isolate has all counts.

const counts = { rowsRead: 0, rowsWritten: 0, alarms: 0, calls: {}, objects: {} }
/** Objects with a call under way, by binding and name: how many, and since when the first. */
const busy = new Map()
/** Milliseconds in which they had one, by binding. */
let busyMs = {}
/** Cursors not yet added up; rows are known when they are drained, which the broker does at once. */
let cursors = []
const CURSORS_KEPT = 1_000

/** A Durable Object class whose storage and calls are counted. */
export function counted(Class, name) {
  const Counted = class extends Class {
    constructor(ctx, env) {
      countStorage(ctx.storage)
      counts.objects[name] = (counts.objects[name] ?? 0) + 1
      super(ctx, counting(env))
    }
  }
  if (Class.prototype.alarm !== undefined) {
    Counted.prototype.alarm = function alarm(info) {
      counts.alarms++
      return Class.prototype.alarm.call(this, info)
    }
  }
  return Counted
}

/** The Worker with its calls counted, and two paths for the bench. */
export function serving(worker) {
  return {
    fetch(request, env, context) {
      const { pathname } = new URL(request.url)
      if (pathname === '/bench/counts') return Response.json(taken())
      if (pathname === '/bench/collect') return Response.json(collected())
      return worker.fetch(request, counting(env), context)
    },
    connect: (socket, env, context) => worker.connect(socket, counting(env), context),
  }
}

function countStorage(storage) {
  const { sql } = storage
  const exec = sql.exec
  Object.defineProperty(sql, 'exec', {
    value(query, ...bindings) {
      if (cursors.length >= CURSORS_KEPT) addUp()
      const cursor = exec.call(sql, query, ...bindings)
      cursors.push(cursor)
      return cursor
    },
  })
  const setAlarm = storage.setAlarm
  Object.defineProperty(storage, 'setAlarm', {
    value(...time) {
      counts.rowsWritten++
      return setAlarm.apply(storage, time)
    },
  })
}

function addUp() {
  for (const cursor of cursors) {
    counts.rowsRead += cursor.rowsRead
    counts.rowsWritten += cursor.rowsWritten
  }
  cursors = []
}

/** The counts since they were last taken. */
function taken() {
  addUp()
  for (const [key, use] of busy) restart(key, use)
  const now = { ...counts, busyMs }
  busyMs = {}
  Object.assign(counts, { rowsRead: 0, rowsWritten: 0, alarms: 0, calls: {}, objects: {} })
  return now
}

/** Collects what is garbage; needs V8's --expose-gc. */
function collected() {
  globalThis.gc()
  return { collected: true }
}

const wrapped = new WeakMap()

/** The bindings, those to objects with their calls counted. */
function counting(env) {
  const known = wrapped.get(env)
  if (known !== undefined) return known
  const made = {}
  for (const [name, binding] of Object.entries(env)) {
    made[name] =
      typeof binding?.getByName === 'function' ? countedNamespace(name, binding) : binding
  }
  wrapped.set(env, made)
  return made
}

function countedNamespace(name, namespace) {
  return {
    getByName: (object, options) =>
      new Proxy(namespace.getByName(object, options), {
        get(stub, method) {
          const value = stub[method]
          if (typeof method !== 'string' || typeof value !== 'function') return value
          return (...args) => {
            const call = `${name}.${method}`
            counts.calls[call] = (counts.calls[call] ?? 0) + 1
            const done = begun(`${name} ${object}`)
            const reply = stub[method](...args)
            reply.then(done, done)
            return reply
          }
        },
      }),
  }
}

/** A call to an object begins; the answer ends it. */
function begun(key) {
  const use = busy.get(key) ?? { calls: 0, sinceMs: Date.now() }
  busy.set(key, use)
  use.calls++
  return () => {
    use.calls--
    if (use.calls > 0) return
    restart(key, use)
    busy.delete(key)
  }
}

/** Adds the time of an object up to now. */
function restart(key, use) {
  const nowMs = Date.now()
  const [binding] = key.split(' ', 1)
  busyMs[binding] = (busyMs[binding] ?? 0) + nowMs - use.sinceMs
  use.sinceMs = nowMs
}
