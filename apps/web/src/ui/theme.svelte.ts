/** Light, dark, high contrast, or as the system says. Importing it puts the kept choice on the page. */

export type Theme = 'system' | 'light' | 'dark' | 'contrast'

export const themes: readonly Theme[] = ['system', 'light', 'dark', 'contrast']
const key = 'hearthold.theme'

/** Storage may be forbidden: the choice then lasts as long as the page. */
const kept = (): Theme => {
  try {
    const value = localStorage.getItem(key)
    return themes.find((theme) => theme === value) ?? 'system'
  } catch {
    return 'system'
  }
}

const show = (wanted: Theme): void => {
  if (wanted === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = wanted
}

const first = kept()
let chosen = $state<Theme>(first)
show(first)

/** The choice now; reading it in a component follows it. */
export const theme = {
  get now(): Theme {
    return chosen
  },
}

/** Takes a theme, and keeps it for this browser. */
export const setTheme = (wanted: Theme): void => {
  chosen = wanted
  show(wanted)
  try {
    if (wanted === 'system') localStorage.removeItem(key)
    else localStorage.setItem(key, wanted)
  } catch {
    // Kept until the page is left.
  }
}

// Another tab chose.
addEventListener('storage', (event) => {
  if (event.key !== key && event.key !== null) return
  chosen = kept()
  show(chosen)
})
