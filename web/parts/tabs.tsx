// Tabs that are places: each has its URL, so they are links in a navigation and not a tablist. And a row
// of choices of which one holds (`Choice`), as radio buttons look.

/** One tab. */
export interface Tab {
  readonly href: string
  readonly label: string
  readonly isCurrent: boolean
}

/** The tabs of a view. */
export function Tabs({ label, tabs }: { readonly label: string; readonly tabs: readonly Tab[] }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ href, label: text, isCurrent }) => (
        <a key={href} href={href} aria-current={isCurrent ? 'page' : undefined}>
          {text}
        </a>
      ))}
    </nav>
  )
}

/** One of a few. */
export function Choice<Value extends string>({
  label,
  value,
  choices,
  onChoose,
}: {
  readonly label: string
  readonly value: Value
  readonly choices: readonly (readonly [Value, string])[]
  readonly onChoose: (value: Value) => void
}) {
  return (
    <fieldset class="choice">
      <legend class="only-read">{label}</legend>
      {choices.map(([one, words]) => (
        <label key={one} data-on={one === value}>
          <input
            type="radio"
            class="only-read"
            name={label}
            value={one}
            checked={one === value}
            onChange={() => onChoose(one)}
          />
          {words}
        </label>
      ))}
    </fieldset>
  )
}
