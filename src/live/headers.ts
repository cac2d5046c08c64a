// What the Worker tells the object of a session beside what its client said.

/** Header of the Worker's request: the client's address as Kafka prints it, `/192.0.2.7`. */
export const CLIENT_HEADER = 'ottla-client'

/** Header of the Worker's request: who the client is (http/identity.ts), as JSON, percent-encoded. */
export const IDENTITY_HEADER = 'ottla-identity'
