// Tabs of one window of a real Chromium, of which all but the one in front are hidden: playwright-core keeps every page
// visible, so this speaks to the browser itself (its DevTools protocol, over the WebSocket that it prints). Not a test.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { absent } from '../clients/tools.ts'
import { ARGUMENTS, CHROMIUM } from './chromium.ts'

interface Said {
  readonly id?: number
  readonly sessionId?: string
  readonly method?: string
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly message: string }
}

interface Evaluated {
  readonly result: { readonly value?: unknown }
  readonly exceptionDetails?: {
    readonly text: string
    readonly exception?: { description?: string }
  }
}

/** A window with tabs. */
export class Tabs {
  readonly #process: ChildProcess
  readonly #profile: string
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (said: Said) => void>()
  readonly #tabs = new Map<string, Tab>()
  #lastId = 0

  private constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process
    this.#profile = profile
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#heard(JSON.parse(String(data)) as Said))
  }

  static async open(context: TestContext): Promise<Tabs> {
    if (!existsSync(CHROMIUM)) absent(context, CHROMIUM)
    const profile = await mkdtemp(join(tmpdir(), 'ottla-tabs-'))
    const places = ['--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank']
    const process = spawn(CHROMIUM, [...ARGUMENTS, ...places], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const address = await new Promise<string>((resolve, reject) => {
      let text = ''
      process.stderr?.on('data', (piece) => {
        text += String(piece)
        const [, url] = /listening on (ws:\S+)/.exec(text) ?? []
        if (url !== undefined) resolve(url)
      })
      process.once('exit', () => reject(new Error(`Chromium ended: ${text}`)))
    })
    const socket = new WebSocket(address)
    await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }))
    return new Tabs(process, profile, socket)
  }

  /** Opens a tab in front of the others and waits until it is loaded. */
  async tab(url: string): Promise<Tab> {
    const { targetId } = await this.call('Target.createTarget', { url: 'about:blank' })
    const attached = await this.call('Target.attachToTarget', { targetId, flatten: true })
    const tab = new Tab(this, String(targetId), String(attached.sessionId))
    this.#tabs.set(tab.session, tab)
    for (const domain of ['Page', 'Network', 'Runtime']) await tab.call(`${domain}.enable`)
    await tab.call('Page.navigate', { url })
    await tab.until('document.readyState === "complete"')
    return tab
  }

  async call(
    method: string,
    params: object = {},
    sessionId?: string,
  ): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.#lastId
    const said = await new Promise<Said>((resolve) => {
      this.#waiting.set(id, resolve)
      this.#socket.send(JSON.stringify({ id, method, params, sessionId }))
    })
    if (said.error !== undefined) throw new Error(`${method}: ${said.error.message}`)
    return said.result ?? {}
  }

  #heard(said: Said): void {
    if (said.id !== undefined) {
      this.#waiting.get(said.id)?.(said)
      this.#waiting.delete(said.id)
    } else if (said.method?.startsWith('Network.') === true) {
      this.#tabs.get(said.sessionId ?? '')?.traffic.push(said.method)
    }
  }

  async close(): Promise<void> {
    this.#socket.close()
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.kill()
    await ended
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** One of them. */
export class Tab {
  /** What its network did, by the names of the browser's events: requests and bytes that came. */
  readonly traffic: string[] = []
  readonly session: string
  readonly #tabs: Tabs
  readonly #target: string

  constructor(tabs: Tabs, target: string, session: string) {
    this.#tabs = tabs
    this.#target = target
    this.session = session
  }

  call(method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> {
    return this.#tabs.call(method, params, this.session)
  }

  /** The value of an expression, awaited. */
  async evaluate(expression: string): Promise<unknown> {
    const params = { expression, awaitPromise: true, returnByValue: true }
    const said = (await this.call('Runtime.evaluate', params)) as unknown as Evaluated
    if (said.exceptionDetails !== undefined) {
      const { text, exception } = said.exceptionDetails
      throw new Error(`${expression}: ${exception?.description ?? text}`)
    }
    return said.result.value
  }

  /** Waits until an expression is true. */
  async until(expression: string, withinMs = 30_000): Promise<void> {
    const until = Date.now() + withinMs
    while ((await this.evaluate(expression)) !== true) {
      if (Date.now() > until) throw new Error(`not within ${withinMs} ms: ${expression}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** Puts it in front: the one that was there is hidden. */
  async show(): Promise<void> {
    await this.#tabs.call('Target.activateTarget', { targetId: this.#target })
    await this.until('document.visibilityState === "visible"')
  }

  /** Waits until it is hidden. */
  hidden(): Promise<void> {
    return this.until('document.visibilityState === "hidden"')
  }
}
