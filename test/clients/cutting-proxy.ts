// A TCP proxy that cuts connections behind a given number of bytes of the answer, or of what is asked, wherever that falls:
// in the head, in the middle of an event or of a character. Not a proxy that changes anything else.

import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** How many bytes of the next connection get through, of one of its directions; null for all. */
export type NextCut = () => number | null

const NEVER: NextCut = () => null

export class CuttingProxy {
  readonly #server: Server
  readonly #nextCut: NextCut
  readonly #nextAskedCut: NextCut
  readonly #sockets = new Set<Socket>()
  #port: number
  /** Connections that were cut. */
  cuts = 0

  private constructor(port: number, nextCut: NextCut, nextAskedCut: NextCut) {
    this.#port = port
    this.#nextCut = nextCut
    this.#nextAskedCut = nextAskedCut
    this.#server = createServer((client) => this.#accept(client))
  }

  /**
   * @param port of the server on this machine that connections are passed on to
   * @param nextCut of answers
   * @param nextAskedCut of what is asked
   */
  static async start(
    port: number,
    nextCut: NextCut,
    nextAskedCut: NextCut = NEVER,
  ): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(port, nextCut, nextAskedCut)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** New connections go there from now on. */
  lead(port: number): void {
    this.#port = port
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #accept(client: Socket): void {
    const server = connect(this.#port, '127.0.0.1')
    const ends = [client, server]
    const end = () => {
      for (const socket of ends) {
        socket.destroy()
        this.#sockets.delete(socket)
      }
    }
    for (const socket of ends) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', end)
      socket.on('close', end)
    }
    this.#pass(client, server, this.#nextAskedCut(), end)
    this.#pass(server, client, this.#nextCut(), end)
  }

  /** @param left bytes that get through; null for all */
  #pass(from: Socket, to: Socket, left: number | null, end: () => void): void {
    from.on('data', (bytes: Buffer) => {
      if (left === null || bytes.length <= left) {
        if (left !== null) left -= bytes.length
        to.write(bytes)
        return
      }
      this.cuts += 1
      // What was let through arrives; then the connection is gone without a farewell.
      to.write(bytes.subarray(0, left), () => end())
      left = 0
      from.removeAllListeners('data')
      from.destroy()
    })
  }
}
