// V8's profiler in a running workerd, for the reason behind a figure. Chrome DevTools protocol over the
// inspector's WebSocket; only the calls that are used here. (HeapProfiler.collectGarbage never answers.)

/** What a function took, itself and not those it called. */
export interface ProfiledFunction {
  readonly name: string
  readonly share: number
}

interface Reply {
  readonly id?: number
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** A connection to one isolate. */
export class Inspector {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  #lastId = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const reply = JSON.parse(String(data)) as Reply
      if (reply.id === undefined) return
      this.#waiting.get(reply.id)?.(reply)
      this.#waiting.delete(reply.id)
    })
  }

  /** Connects to the service `main` behind an inspector's port. */
  static async open(port: number): Promise<Inspector> {
    const listed = await fetch(`http://127.0.0.1:${port}/json`)
    const targets = (await listed.json()) as { readonly webSocketDebuggerUrl: string }[]
    const target = targets.find(({ webSocketDebuggerUrl }) => webSocketDebuggerUrl.endsWith('main'))
    if (target === undefined) throw new Error('the inspector does not list the Worker')
    const socket = new WebSocket(target.webSocketDebuggerUrl)
    await new Promise<void>((done, failed) => {
      socket.addEventListener('open', () => done())
      socket.addEventListener('error', () => failed(new Error('the inspector refused')))
    })
    return new Inspector(socket)
  }

  /** The functions that took most of the time while `act` ran. */
  async profile(act: () => Promise<void>, top: number): Promise<ProfiledFunction[]> {
    await this.#call('Profiler.enable')
    await this.#call('Profiler.start')
    await act()
    const { profile } = (await this.#call('Profiler.stop')) as { profile: Profile }
    return selfTimes(profile).slice(0, top)
  }

  close(): void {
    this.#socket.close()
  }

  async #call(method: string): Promise<unknown> {
    this.#lastId += 1
    const id = this.#lastId
    const reply = await new Promise<Reply>((done) => {
      this.#waiting.set(id, done)
      this.#socket.send(JSON.stringify({ id, method }))
    })
    if (reply.error !== undefined) throw new Error(`${method}: ${reply.error.message}`)
    return reply.result
  }
}

/** Shares of the whole by function, largest first. */
export function selfTimes({ nodes, samples, timeDeltas }: Profile): ProfiledFunction[] {
  const names = new Map(
    nodes.map(({ id, callFrame }) => [id, callFrame.functionName || '(anonymous)']),
  )
  const times = new Map<string, number>()
  let all = 0
  for (const [at, id] of samples.entries()) {
    const name = names.get(id) ?? '?'
    const took = timeDeltas[at] ?? 0
    times.set(name, (times.get(name) ?? 0) + took)
    all += took
  }
  return [...times]
    .map(([name, took]) => ({ name, share: took / all }))
    .toSorted((a, b) => b.share - a.share)
}
