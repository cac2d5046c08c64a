// What the Worker tells the object of a tunnel beside what its client said (core/tunnel-protocol.ts).

/** Header of the Worker's request: the client's address as Kafka prints it, `/192.0.2.7`. */
export const CLIENT_HEADER = 'ottla-client'
