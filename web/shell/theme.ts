// Light or dark: as the system says until somebody chooses, then as chosen, on this machine.

import { signal } from '@preact/signals'

/** What can be chosen. */
export type Theme = 'system' | 'light' | 'dark'

const KEY = 'ottla.theme'
const ORDER: readonly Theme[] = ['system', 'light', 'dark']

/** What is chosen. */
export const theme = signal<Theme>(
  ORDER.find((one) => one === localStorage.getItem(KEY)) ?? 'system',
)

/** Shows it. */
export function applyTheme(): void {
  const { dataset } = document.documentElement
  if (theme.value === 'system') delete dataset.theme
  else dataset.theme = theme.value
}

/** Chooses the next of the three. */
export function nextTheme(): void {
  theme.value = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length] ?? 'system'
  if (theme.value === 'system') localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, theme.value)
  applyTheme()
}
