// Figures and names as people read them: digits in groups, sizes and rates with their units. Plain
// functions; what an offset or id is stays as it is.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const few = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })

/** `1,234,567`. */
export function count(n: number): string {
  return whole.format(n)
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `1.2 MiB`. */
export function bytes(n: number): string {
  let unit = 0
  let amount = n
  while (amount >= 1024 && unit < BYTE_UNITS.length - 1) {
    amount /= 1024
    unit++
  }
  const digits = unit === 0 || amount >= 100 ? whole : few
  return `${digits.format(amount)} ${BYTE_UNITS[unit]}`
}

/** `12.3/s`; what is less than one in ten seconds is said so. */
export function perSecond(n: number): string {
  if (n > 0 && n < 0.1) return '< 0.1/s'
  return `${n >= 100 ? whole.format(n) : few.format(n)}/s`
}

/** `3 records`, `1 record`. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `1 h 12 min`: a span in its two largest units. */
export function span(ms: number): string {
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < MINUTE) return `${few.format(ms / SECOND)} s`
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(ms / DAY), 'd'],
    [Math.floor((ms % DAY) / HOUR), 'h'],
    [Math.floor((ms % HOUR) / MINUTE), 'min'],
    [Math.floor((ms % MINUTE) / SECOND), 's'],
  ]
  const first = parts.findIndex(([amount]) => amount > 0)
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${count(amount)} ${unit}`)
    .join(' ')
}

/** `4 min ago`; what is under a second is now, what is yet to come is said so. */
export function ago(at: number, now: number): string {
  const ms = now - at
  if (ms < -SECOND) return `in ${largest(-ms)}`
  return ms < SECOND ? 'just now' : `${largest(ms)} ago`
}

function largest(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h`
  if (ms < 1_000 * DAY) return `${count(Math.floor(ms / DAY))} d`
  return `${count(Math.floor(ms / DAY / 365))} y`
}

/** `2026-11-26 14:03:12.123`, in the time zone of who looks. */
export function exactTime(at: number): string {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return `${at} ms`
  const two = (n: number) => String(n).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, '0')}`
}
