// Which names fit a text, and which of them fit best.

/** Those that have the text in their name, best first. */
export function ranked<Named extends { readonly name: string }>(
  places: readonly Named[],
  text: string,
): readonly Named[] {
  const needle = text.toLowerCase()
  const rank = ({ name }: Named) => {
    const at = name.toLowerCase().indexOf(needle)
    if (at !== 0) return 2
    return name.length === needle.length ? 0 : 1
  }
  return places
    .filter(({ name }) => name.toLowerCase().includes(needle))
    .toSorted((a, b) => (needle === '' ? 0 : rank(a) - rank(b)))
}
