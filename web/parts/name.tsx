// A name that may be too long for its place: cut in the middle, because the ends of names differ. Whole on
// hover and for who has it read out.

const TAIL = 12
/** What always fits is not taken apart. */
const SHORT = 20

/** A name; `mono` for ids. */
export function Name({ text, mono = false }: { readonly text: string; readonly mono?: boolean }) {
  const style = mono ? 'name mono' : 'name'
  if (text.length <= SHORT) return <span class={style}>{text}</span>
  return (
    <span class={style} title={text}>
      <span class="name-head">{text.slice(0, -TAIL)}</span>
      <span class="name-tail">{text.slice(-TAIL)}</span>
    </span>
  )
}

/** A name in a table that leads to its page, wherever in the row it is pressed. */
export function RowLink({ href, text }: { readonly href: string; readonly text: string }) {
  return (
    <a class="row-link" href={href}>
      <Name text={text} />
    </a>
  )
}

/** Where a figure would stand that nobody has said yet. */
export function NotKnown({ why }: { readonly why: string }) {
  return (
    <span class="muted" title={why}>
      –
    </span>
  )
}
