// The runner of coordinators: order, one commit in flight, nothing said before it is durable.

import { describe, expect, it } from 'vitest'
import {
  type Decision,
  type Machine,
  MachineEnded,
  MachineRunner,
  type Ticket,
} from '../../src/runtime/machine.ts'

/** 'keep x' is durable, 'due x' too and sets a deadline, 'say x' is not, 'park' waits for 'release', 'call x' has an effect. */
class Notes implements Machine<string, string, string, string> {
  deadlineMs = Number.POSITIVE_INFINITY
  readonly #parked: Ticket[] = []

  decide(command: string, ticket: Ticket, nowMs: number): Decision<string, string, string> {
    const [verb, text = ''] = command.split(' ')
    const none = { changes: [], replies: [], effects: [] }
    switch (verb) {
      case 'keep':
        return { ...none, changes: [text], replies: [[ticket, `kept ${text}`]] }
      case 'call':
        return { ...none, changes: [text], replies: [[ticket, 'called']], effects: [text] }
      case 'due':
        this.deadlineMs = nowMs + 100
        return { ...none, changes: [text], replies: [[ticket, 'due']] }
      case 'park':
        this.#parked.push(ticket)
        this.deadlineMs = nowMs + 100
        return none
      case 'release':
        return { ...none, replies: [...this.#release('released'), [ticket, 'done']] }
      case 'break':
        throw new Error('a bug')
      default:
        return { ...none, replies: [[ticket, text]] }
    }
  }

  tick(nowMs: number): Decision<string, string, string> {
    const due = nowMs >= this.deadlineMs
    return { changes: [], replies: due ? this.#release('late') : [], effects: [] }
  }

  #release(reply: string): [Ticket, string][] {
    this.deadlineMs = Number.POSITIVE_INFINITY
    return this.#parked.splice(0).map((ticket) => [ticket, reply])
  }
}

class World {
  nowMs = 0
  readonly written: string[][] = []
  readonly started: string[] = []
  readonly wakeUps: number[] = []
  readonly said: string[] = []
  aborted: string | null = null
  failWrite = false
  /** Another object has taken over: the storage refuses this one. */
  replaced = false
  holdSync = false
  /** A turn of the event loop. */
  turn: () => Promise<void> = async () => {}
  prepare: ((command: string) => Promise<void> | undefined) | undefined
  #syncs: { resolve: () => void; reject: (error: Error) => void }[] = []

  readonly runner = new MachineRunner(new Notes(), {
    now: () => this.nowMs,
    write: (changes) => {
      if (this.failWrite) throw new Error('disk full')
      if (this.replaced) throw new Error('replaced')
      this.written.push([...changes])
    },
    sync: () =>
      this.holdSync
        ? new Promise((resolve, reject) => this.#syncs.push({ resolve, reject }))
        : Promise.resolve(),
    turn: () => this.turn(),
    touch: () => {
      if (this.replaced) throw new Error('replaced')
    },
    wakeAt: (timeMs) => this.wakeUps.push(timeMs),
    abort: (reason) => {
      this.aborted = reason
    },
    start: (effect) => this.started.push(effect),
    prepare: (command) => this.prepare?.(command),
    report: () => {},
  })

  /** Runs a command and notes its reply when it comes. */
  run(command: string): Promise<string> {
    const reply = this.runner.run(command)
    void reply.then(
      (said) => this.said.push(said),
      (error) => this.said.push(`failed: ${error.name}`),
    )
    return reply
  }

  async synced(): Promise<void> {
    for (const { resolve } of this.#syncs.splice(0)) resolve()
    await settled()
  }

  async lost(): Promise<void> {
    for (const { reject } of this.#syncs.splice(0)) reject(new Error('lost'))
    await settled()
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

describe('a machine in an object', () => {
  it('lets what it has answered leave before it writes again', async () => {
    const world = new World()
    let turn = () => {}
    world.turn = () => new Promise((resolve) => (turn = resolve))
    const first = world.run('keep a')
    void world.run('keep b')
    expect(await first).toBe('kept a')
    await settled()
    expect(world.written).toEqual([['a']])
    turn()
    await settled()
    expect(world.written).toEqual([['a'], ['b']])
  })

  it('says nothing before what it rests on is durable', async () => {
    const world = new World()
    world.holdSync = true
    void world.run('keep a')
    await settled()
    expect([world.written, world.said]).toEqual([[['a']], []])
    await world.synced()
    expect(world.said).toEqual(['kept a'])
  })

  it('decides and commits together what one caller gives together', async () => {
    const world = new World()
    world.holdSync = true
    const { runner } = world
    const replies = runner.together(() =>
      ['keep a', 'say hello', 'keep b'].map((one) => world.run(one)),
    )
    expect(world.written).toEqual([['a', 'b']])
    await world.synced()
    expect(await Promise.all(replies)).toEqual(['kept a', 'hello', 'kept b'])
  })

  it('commits together what came while a commit was in flight, in arrival order', async () => {
    const world = new World()
    world.holdSync = true
    void world.run('keep a')
    await settled()
    for (const command of ['keep b', 'say hello', 'keep c']) void world.run(command)
    await settled()
    expect(world.written).toEqual([['a']])
    await world.synced()
    expect(world.written).toEqual([['a'], ['b', 'c']])
    await world.synced()
    expect(world.said).toEqual(['kept a', 'kept b', 'hello', 'kept c'])
  })

  it('writes nothing when nothing is to be kept', async () => {
    const world = new World()
    expect(await world.run('say hello')).toBe('hello')
    expect(world.written).toEqual([])
  })

  it.each(['say what I remember', 'keep x'])(
    'that another has replaced answers nothing: %s',
    async (command) => {
      const world = new World()
      expect(await world.run('say a')).toBe('a')
      world.replaced = true
      await expect(world.run(command)).rejects.toThrow(MachineEnded)
      expect(world.aborted).toContain('replaced')
    },
  )

  it('starts a call to others only when the decision is durable', async () => {
    const world = new World()
    world.holdSync = true
    void world.run('call b')
    await settled()
    expect(world.started).toEqual([])
    await world.synced()
    expect(world.started).toEqual(['b'])
  })

  it('answers parked callers by a later command or when their time is over', async () => {
    const world = new World()
    void world.run('park')
    await settled()
    expect(world.runner.parked).toBe(1)
    await world.run('release')
    void world.run('park')
    await settled()
    expect(world.wakeUps).toEqual([100, 100])
    world.nowMs = 100
    world.runner.tick()
    await settled()
    expect(world.said).toEqual(['released', 'done', 'late'])
    expect(world.runner.parked).toBe(0)
  })

  it('sets the alarm of a state in the commit that keeps it', async () => {
    const world = new World()
    world.holdSync = true
    void world.run('due a')
    await settled()
    expect([world.written, world.wakeUps]).toEqual([[['a']], [100]])
  })

  it('prepares a command before it is decided; those behind it wait', async () => {
    const world = new World()
    let prepared = () => {}
    world.prepare = (command) =>
      command === 'keep a' ? new Promise((resolve) => (prepared = resolve)) : undefined
    void world.run('keep a')
    void world.run('keep b')
    await settled()
    expect(world.written).toEqual([])
    prepared()
    await settled()
    expect(world.written).toEqual([['a'], ['b']])
  })

  it('fails the one command that could not be prepared', async () => {
    const world = new World()
    world.prepare = (command) =>
      command === 'keep a' ? Promise.reject(new RangeError('unknown')) : undefined
    void world.run('keep a')
    void world.run('keep b')
    await settled()
    expect(world.said).toEqual(['failed: RangeError', 'kept b'])
  })

  it.each(['a write that fails', 'a commit that is lost', 'a bug'])(
    'ends with its memory, and fails all who wait, after %s',
    async (what) => {
      const world = new World()
      void world.run('park')
      await settled()
      world.failWrite = what === 'a write that fails'
      world.holdSync = true
      void world.run(what === 'a bug' ? 'break' : 'keep a')
      void world.run('keep b')
      await settled()
      await world.lost()
      expect(world.aborted).not.toBeNull()
      expect(world.said).toEqual(Array(3).fill('failed: MachineEnded'))
      await expect(world.runner.run('say hello')).rejects.toThrow(MachineEnded)
    },
  )
})
