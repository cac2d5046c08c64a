// Moves bytes through the floor that stores none (floors/bytes.js): from its Worker or its object to us, or
// from us to its object.

import { LoadClient } from '../client.ts'

const FROM_WORKER = 0
const FROM_OBJECT = 1
const TO_OBJECT = 2

/** One connection to the floor. */
export class MoveClient {
  readonly #client: LoadClient

  private constructor(client: LoadClient) {
    this.#client = client
  }

  static async open(port: number): Promise<MoveClient> {
    return new MoveClient(await LoadClient.open(port))
  }

  /** Bytes per second of answers of so many bytes, one after the other, from the Worker's memory. */
  answers(load: { readonly bytes: number; readonly count: number }): Promise<number> {
    return this.#ask(FROM_WORKER, load)
  }

  /** The same, each got from the object by a call. */
  answersByCall(load: { readonly bytes: number; readonly count: number }): Promise<number> {
    return this.#ask(FROM_OBJECT, load)
  }

  /** Bytes per second of frames that are passed to the object by a call each. */
  async calls(load: {
    readonly bytes: number
    readonly count: number
    readonly inFlight: number
  }): Promise<number> {
    const { bytes, count, inFlight } = load
    const request = Buffer.alloc(bytes, 111)
    request.writeInt32BE(bytes - 4, 0)
    request[4] = TO_OBJECT
    return (bytes * count * 1e3) / (await this.#client.pipeline({ count, inFlight, request, take }))
  }

  close(): void {
    this.#client.close()
  }

  async #ask(
    from: number,
    { bytes, count }: { readonly bytes: number; readonly count: number },
  ): Promise<number> {
    const request = Buffer.alloc(9)
    request.writeInt32BE(5, 0)
    request[4] = from
    request.writeInt32BE(bytes, 5)
    const ms = await this.#client.pipeline({ count, inFlight: 1, request, take })
    return (bytes * count * 1e3) / ms
  }
}

function take(): void {}
