// Limits of authentication: SASL on the Kafka port and tunnels, tokens, credentials. Each with its unit and its why.

/**
 * Iterations by which salts are derived from the secret of a broker: who may ask for a salt must not try out
 * secrets faster than this. 30 ms, once per isolate, and the most that a deployment allows.
 */
export const SALT_KEY_ITERATIONS = 100_000

/** SASL: bytes of a password, which is stretched whole. */
export const PASSWORD_BYTES = 4_096

/** SASL: one message of an exchange. Kafka's sasl.server.max.receive.size allows more to no end but tokens. */
export const SASL_TOKEN_BYTES = 64 * 1024

/** SASL: characters of a nonce of a client (Kafka's have some 25), which is kept until its proof comes. */
export const SCRAM_NONCE_CHARACTERS = 256

/** SASL: who has not logged in so long after connecting is closed: half an open door costs a descriptor. */
export const LOGIN_MS = 30_000

/** SASL: a connection logs in again at most once in this (Kafka: a second). */
export const LOGIN_AGAIN_MS = 1_000

/** A password that was right is known to be for so long, while nothing changes: no PBKDF2 per request. */
export const PASSWORD_CACHE_MS = 60_000

/** Passwords known to be right, per isolate (about 200 bytes each); the oldest go first. */
export const PASSWORD_CACHE_ENTRIES = 1_000

/**
 * Passwords being checked at once in an isolate, of SASL PLAIN and HTTP: each keeps its thread busy for milliseconds, so who
 * guesses must not stand before all others. More are refused for now (503). Who is remembered is not checked.
 */
export const PASSWORD_CHECKS = 16

/** Who wants a password checked waits so long for others, and a check that has not ended after this ended with its request. */
export const PASSWORD_WAIT_MS = 5_000
export const PASSWORD_CHECK_MS = 2_000

/** Tokens: characters of a JWT: one with many groups has some 8,000. */
export const JWT_CHARACTERS = 32 * 1024

/** Tokens: the issuer's key set: bytes of the document, keys in it, and how long an answer is waited for. */
export const JWKS_BYTES = 256 * 1024
export const JWKS_KEYS = 100
export const JWKS_FETCH_MS = 5_000

/** Tokens: a key that is not known makes the set be read again at most this often, whatever is presented. */
export const JWKS_AGAIN_MS = 10_000

/** Tokens: while there are no keys at all nobody gets in by a token, so a reading that failed is tried again this soon. */
export const JWKS_FIRST_AGAIN_MS = 1_000
