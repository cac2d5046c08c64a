// Reads a partition through Ottla's HTTP API to its end, page by page, as a script would. The routes
// and the record form are those the README promises.

/** A record as the HTTP API shows it. */
export interface HttpRecord {
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers?: readonly { readonly key: string; readonly value: string | null }[]
}

/** Every record of a partition from `offset` on; throws on any answer but 200. */
export async function readOverHttp(
  origin: string,
  topic: string,
  partition: number,
  offset = 0,
  get: (url: string) => Promise<string> = getWithFetch,
): Promise<HttpRecord[]> {
  const records: HttpRecord[] = []
  for (let next = offset; ; ) {
    const path = `/v1/topics/${encodeURIComponent(topic)}/partitions/${partition}/records`
    const url = `${origin}${path}?offset=${next}&limit=1000&maxBytes=${8 * 1024 * 1024}`
    const page = JSON.parse(await get(url)) as Page
    records.push(...page.records)
    if (page.records.length === 0) return records
    next = page.nextOffset
  }
}

async function getWithFetch(url: string): Promise<string> {
  const response = await fetch(url)
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${url}: ${response.status} ${text}`)
  return text
}

interface Page {
  readonly records: readonly HttpRecord[]
  readonly nextOffset: number
}
