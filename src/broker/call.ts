// What a handler knows of the frame it answers, beside the decoded request. Not the connection.

/** Version of the API asked and the client id of the header (KIP-511 names the software elsewhere). */
export interface Call {
  readonly version: number
  readonly clientId: string | null
}
