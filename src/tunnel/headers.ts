// What the Worker tells the object of a tunnel beside what its client said (core/tunnel-protocol.ts).

/** Header of the Worker's request: the client's address as Kafka prints it, `/192.0.2.7`. */
export const CLIENT_HEADER = 'ottla-client'

/** Header of the Worker's request: the tenant whose the tunnel is; absent for main. */
export const TENANT_HEADER = 'ottla-tenant'

/** Header of the Worker's request: the user that the upgrade has proved to be of, percent-encoded; absent where nobody was asked. */
export const PRINCIPAL_HEADER = 'ottla-principal'

/** Header of the Worker's request: when that ends, in milliseconds since the epoch; absent where it does not. */
export const EXPIRES_HEADER = 'ottla-expires'
