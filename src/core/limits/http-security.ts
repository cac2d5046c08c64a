// Limits of who may speak HTTP: credentials, tokens, open streams. Each with its unit and its why.

/** Users whose credential's digest an isolate remembers, some 100 bytes each; then all are asked for anew. */
export const STAMPS_REMEMBERED = 1_000

/** Life of a signed token, at most and by default: it stands in URLs, and whoever has it may use it. */
export const TOKEN_MAX_MS = 300_000
export const TOKEN_DEFAULT_MS = 300_000

/** Topics and groups that a signed token names, each, and characters of all: it travels in a URL and with a sleeping session. */
export const TOKEN_NAMES = 32
export const TOKEN_NAMES_CHARACTERS = 512

/** Characters of a signed token or cookie that is looked at: those of the largest that is made, doubled. */
export const TOKEN_CHARACTERS = 4_096

/** How often an open stream asks whether it may go on: an end is noticed within 60 s, whatever else is slow. */
export const STREAM_ACCESS_MS = 15_000

/** An open stream of which nobody could be asked so long ends: what was revoked meanwhile must not go on. */
export const STREAM_UNKNOWN_MS = 45_000

/** Rules of one request to `/v1/acls`, and resources of one to `/v1/me`: each is decided for itself. */
export const HTTP_ACLS = 1_000
export const ME_RESOURCES = 100
