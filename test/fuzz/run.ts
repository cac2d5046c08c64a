// `npm run fuzz -- --frames N [--seed S]` feeds N mutated frames to the codec, the connection, the batch checks and the
// decompressors in this process, many thousands a second; `--target messages|streams|batches|codecs` to one of them.
// `--from I` begins with frame I; `--frame I` with the seed plays one again, with the stack. `--socket` sends frames to a
// broker that it starts instead, beside a connection that produces and reads all the while (socket.ts). `--reference`
// compares the WebAssembly codecs with Python's cramjam on N inputs (tools.ts). Run it with `nice`.

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import type { Target } from './campaign.ts'
import type { Part, Played } from './player.ts'

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    frame: { type: 'string' },
    from: { type: 'string', default: '0' },
    target: { type: 'string' },
    socket: { type: 'boolean', default: false },
    reference: { type: 'boolean', default: false },
    seconds: { type: 'string', default: 'Infinity' },
  },
})

/** A frame that takes longer hangs: the largest bomb takes a tenth of a second where nothing else runs. */
const HANGS_AFTER_MS = 30_000
const TELL_EVERY_MS = 15_000
const LOOK_EVERY_MS = 500

const print = (line: string) => process.stdout.write(`${line}\n`)
const seed = Number(values.seed)
const frames = Number(values.frames)
print(`seed ${seed}`)

if (values.socket) {
  await import('./wasm-modules.ts')
  const { fuzzSocket } = await import('./socket.ts')
  const limits = { frames, seconds: Number(values.seconds) }
  const found = await fuzzSocket({ seed, ...limits, countsServed: true, print })
  process.exit(found === null ? 0 : 1)
} else if (values.reference) {
  await import('./wasm-modules.ts')
  const { compareWithTools } = await import('./tools.ts')
  process.exit((await compareWithTools(seed, frames, print)) ? 0 : 1)
} else {
  const from = Number(values.frame ?? values.from)
  const to = values.frame === undefined ? from + frames : from + 1
  process.exit((await playAll(from, to)) ? 0 : 1)
}

/** Plays frames in a thread and watches it. */
function playAll(from: number, to: number): Promise<boolean> {
  const progress = new SharedArrayBuffer(24)
  const counters = new Float64Array(progress)
  const only = (values.target ?? null) as Target | null
  const part: Part = { seed, from, to, only, progress }
  const startedMs = performance.now()
  const thread = new Worker(join(import.meta.dirname, 'player.ts'), {
    workerData: part,
  })
  return new Promise((done) => {
    let at = -1
    let movedMs = performance.now()
    let toldMs = movedMs
    const watch = setInterval(() => {
      const now = performance.now()
      const played = counters[1] ?? 0
      if (played !== at) movedMs = now
      at = played
      if (now - movedMs > HANGS_AFTER_MS) {
        const frame = counters[0]
        finish(
          false,
          `frame ${frame} hangs\nagain: npm run fuzz -- --seed ${seed} --frame ${frame}`,
        )
      }
      if (now - toldMs < TELL_EVERY_MS) return
      toldMs = now
      const perSecond = Math.round(played / ((now - startedMs) / 1000))
      print(
        `${played} frames, ${perSecond} a second, ${Math.round((counters[2] ?? 0) / 2 ** 20)} MiB more held`,
      )
    }, LOOK_EVERY_MS)
    const finish = (passed: boolean, line: string) => {
      clearInterval(watch)
      print(line)
      void thread.terminate().then(() => done(passed))
    }
    thread.once('error', (error) => finish(false, `the thread ended: ${String(error)}`))
    thread.once('message', ({ played, failure, grownBytes }: Played) => {
      if (failure !== null) return finish(false, failure)
      const seconds = (performance.now() - startedMs) / 1000
      const each = Object.entries(played).map(([name, count]) => `${count} ${name}`)
      const cpu = process.cpuUsage().user / 1e6
      finish(
        true,
        `${to - from} frames (${each.join(', ')}) without a fault in ${seconds.toFixed(0)} s (${cpu.toFixed(0)} s of CPU), ${Math.round(grownBytes / 2 ** 20)} MiB more held at most`,
      )
    })
  })
}
