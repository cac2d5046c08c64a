// The console's icons: one stroke, 16 px, drawn here so that nothing is loaded. Never the only word for
// something: a control that has nothing else has a label.

const PATHS = {
  ottla: 'M3 4.5h10M3 8h6.5M3 11.5h3.5',
  overview: 'M2.5 9.5 5.5 6l3 2.5 5-5M2.5 13h11',
  topics: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  groups:
    'M5.5 7.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM2 13c0-2 1.5-3.2 3.5-3.2S9 11 9 13M10.8 7.6a1.8 1.8 0 1 0-.3-3.6M11.5 10c1.5.2 2.5 1.3 2.5 3',
  transactions: 'M2.5 5.5h9l-2.5-2.5M13.5 10.5h-9L7 13',
  cluster: 'M3 3.5h10v3.5H3zM3 9h10v3.5H3zM5.2 5.25h.1M5.2 10.75h.1',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  close: 'M4 4l8 8M12 4l-8 8',
  check: 'M3.5 8.5 6.5 11.5 12.5 5',
  alert: 'M8 2.5 14 13H2L8 2.5ZM8 6.5v3M8 11.2v.1',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.5 10.5 13.5 13.5',
  plus: 'M8 3v10M3 8h10',
  more: 'M3.5 8h.1M8 8h.1M12.5 8h.1',
  play: 'M5 3.5v9l7-4.5z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  stop: 'M4.5 4.5h7v7h-7z',
  copy: 'M5.5 5.5h7.5v7.5H5.5zM3 10.5V3h7.5',
  link: 'M6.8 9.2 9.2 6.8M7.5 4.8l1-1a2.7 2.7 0 0 1 3.8 3.8l-1 1M8.5 11.2l-1 1a2.7 2.7 0 0 1-3.8-3.8l1-1',
  send: 'M2.5 8 13.5 3 10 13.5 7.5 9z',
  download: 'M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13h10',
  up: 'M4 9.5 8 5.5l4 4',
  down: 'M4 6.5l4 4 4-4',
  right: 'M6.5 4l4 4-4 4',
  left: 'M9.5 4l-4 4 4 4',
  sun: 'M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.8v1.4M8 12.8v1.4M1.8 8h1.4M12.8 8h1.4M3.6 3.6l1 1M11.4 11.4l1 1M3.6 12.4l1-1M11.4 4.6l1-1',
  moon: 'M13 9.6A5.4 5.4 0 0 1 6.4 3a5.4 5.4 0 1 0 6.6 6.6Z',
  screen: 'M2.5 3.5h11v7h-11zM6 13h4',
  keys: 'M2 4.5h12v7.5H2zM4.5 7h.1M7 7h.1M9.5 7h.1M12 7h.1M5 9.5h6',
} as const

/** Which there are. */
export type IconName = keyof typeof PATHS

/** One icon, in the colour of the text around it. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
