// Frames of a socket (Kafka's: an int32 of the size, then as many bytes), for the floors. Not the broker's
// reader: no limits, because only the bench connects.

const READ_BYTES = 256 * 1024

/** Requests without their size, each in a buffer of its own because RPC ships whole buffers. */
export async function* frames(readable) {
  const reader = readable.getReader({ mode: 'byob' })
  let rest = new Uint8Array(0)
  for (;;) {
    const { value, done } = await reader.read(new Uint8Array(READ_BYTES))
    if (done) return
    const bytes = rest.length === 0 ? value : joined(rest, value)
    let at = 0
    for (;;) {
      if (bytes.length - at < 4) break
      const size = new DataView(bytes.buffer, bytes.byteOffset + at).getInt32(0)
      if (bytes.length - at < 4 + size) break
      yield bytes.slice(at + 4, at + 4 + size)
      at += 4 + size
    }
    rest = bytes.slice(at)
  }
}

function joined(a, b) {
  const all = new Uint8Array(a.length + b.length)
  all.set(a)
  all.set(b, a.length)
  return all
}
