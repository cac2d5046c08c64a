// A small cluster with one of everything that the topic views show. Not a test.

/** Topics that the tests know by name. */
export const TOPIC = 'orders'
export const ODD_TOPIC = 'customers.changelog'
export const EMPTY_TOPIC = 'nothing-yet'
export const LONG_TOPIC = `${'a-very-long-name.'.repeat(14)}events`
export const RECORDS = 600

/** Sends a request that must succeed. */
export async function call<Answer>(url: string, method = 'GET', body?: unknown): Promise<Answer> {
  const response = await fetch(url, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`)
  return (text === '' ? undefined : JSON.parse(text)) as Answer
}

/** Fills a broker. */
export async function fill(http: string): Promise<void> {
  const topics = `${http}/v1/topics`
  const create = (name: string, partitions: number, configs: object = {}) =>
    call(topics, 'POST', { name, partitions, configs })
  await Promise.all([
    create(TOPIC, 8, { 'retention.ms': 86_400_000 }),
    create(ODD_TOPIC, 2, { 'cleanup.policy': 'compact' }),
    create(EMPTY_TOPIC, 1),
    create(LONG_TOPIC, 3),
    ...Array.from({ length: 30 }, (_, n) => create(`service-${n}.events`, (n % 4) + 1)),
  ])
  const now = Date.now()
  const records = Array.from({ length: RECORDS }, (_, n) => ({
    key: `customer-${n % 40}`,
    value: { n, total: (n * 37) % 1000, note: n % 50 === 0 ? '<b onclick="x">needle</b>' : 'hay' },
    headers: [{ key: 'source', value: n % 2 === 0 ? 'web' : 'app' }],
    timestamp: now - (RECORDS - n) * 1000,
  }))
  for (let at = 0; at < RECORDS; at += 100) {
    await call(`${topics}/${TOPIC}/records`, 'POST', { records: records.slice(at, at + 100) })
  }
  await call(`${topics}/${ODD_TOPIC}/records`, 'POST', {
    records: [
      { key: 'json', value: '{"big":12345678901234567890,"list":[1,2,{"deep":null}],"ok":true}' },
      { key: 'tombstone', value: null },
      { keyBase64: '3q2+7wABAv8=', valueBase64: 'AAECAwT/' },
      { key: '<script>alert(1)</script>', value: '<img src=x onerror=alert(1)>' },
      { key: 'k'.repeat(400), value: 'v'.repeat(3000) },
      { key: 'large', value: JSON.stringify({ blob: 'x'.repeat(900_000) }) },
    ],
  })
}
