// The emptiest Worker that takes a TCP connection: what workerd alone costs in time and memory.
// Not a broker: it sends back what it reads.

export default {
  async connect(socket) {
    await socket.readable.pipeTo(socket.writable)
  },
}
