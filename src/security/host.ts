// Addresses of clients in one spelling, so that a rule for `::1` and a client from `0:0:0:0:0:0:0:1` meet. Not names:
// as in Kafka, a rule that names a host by a name matches nobody.

const GROUPS = 8

/**
 * The address as Java prints it, which is how Kafka compares hosts: eight groups of an IPv6 address without leading
 * zeroes, four numbers of one that is IPv4 in IPv6. A slash before it, brackets and a zone are dropped; whatever is
 * no IPv6 address is given back as it is.
 */
export function canonicalHost(host: string): string {
  const bare = host.replace(/^\//, '').replace(/^\[(.*)\]$/, '$1')
  if (!bare.includes(':')) return bare
  const groups = groupsOf(bare.replace(/%.*$/, ''))
  if (groups === null) return bare
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)
  if (!isMapped) return groups.map((group) => group.toString(16)).join(':')
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.')
}

/** True of an IPv4 or IPv6 address, bare; false of names. */
export function isAddress(text: string): boolean {
  if (text.includes(':')) return groupsOf(text) !== null
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => Number(part) < 256)
}

function groupsOf(address: string): readonly number[] | null {
  const [head, tail, ...more] = address.split('::')
  if (head === undefined || more.length > 0) return null
  const before = numbersOf(head)
  const after = tail === undefined ? [] : numbersOf(tail)
  if (before === null || after === null) return null
  const missing = GROUPS - before.length - after.length
  if (tail === undefined ? missing !== 0 : missing < 1) return null
  return [...before, ...new Array<number>(missing).fill(0), ...after]
}

/** Of groups between colons, the last of which may be an IPv4 address. */
function numbersOf(text: string): number[] | null {
  if (text === '') return []
  const numbers: number[] = []
  for (const part of text.split(':')) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) numbers.push(Number.parseInt(part, 16))
    else {
      const bytes = part.split('.').map((byte) => (/^\d{1,3}$/.test(byte) ? Number(byte) : 256))
      if (bytes.length !== 4 || bytes.some((byte) => byte > 255)) return null
      const [a = 0, b = 0, c = 0, d = 0] = bytes
      numbers.push((a << 8) | b, (c << 8) | d)
    }
  }
  return numbers
}
