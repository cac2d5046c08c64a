// What it costs to move bytes and nothing else: over a socket from a Worker's own memory, or from or to
// a Durable Object by RPC. Not a log: nothing is stored. A request is a frame of Kafka's shape whose first
// byte says what to do: 0 answers with as many bytes as its next four say, from the Worker; 1 the
// same from the object; 2 passes the whole frame to the object and answers with eight bytes.

import { DurableObject } from 'cloudflare:workers'
import { frames } from './frames.js'

export class Partition extends DurableObject {
  #answer = new Uint8Array(0)

  give(length) {
    if (this.#answer.length !== length) this.#answer = answerOf(length)
    return this.#answer
  }

  take(bytes) {
    return bytes.length
  }
}

/** A frame of this many bytes in all. */
function answerOf(length) {
  const bytes = new Uint8Array(length).fill(111)
  new DataView(bytes.buffer).setInt32(0, length - 4)
  return bytes
}

export default {
  async connect(socket, env) {
    const object = env.PARTITION.get(env.PARTITION.idFromName('floor'))
    const writer = socket.writable.getWriter()
    let own = new Uint8Array(0)
    let replies = Promise.resolve()
    const answer = async (frame) => {
      if (frame[0] === 2) {
        await object.take(frame)
        return answerOf(8)
      }
      const length = new DataView(frame.buffer, frame.byteOffset).getInt32(1)
      if (frame[0] === 1) return object.give(length)
      if (own.length !== length) own = answerOf(length)
      return own
    }
    for await (const frame of frames(socket.readable)) {
      const answered = answer(frame)
      replies = replies.then(async () => writer.write(await answered))
    }
    await replies
    await writer.close()
  },
}
