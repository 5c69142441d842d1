// Runs before the first paint, so that a dark page does not flash white. A file of its own,
// because the content security policy allows no inline script.
;(() => {
  let kept = null
  try {
    kept = localStorage.getItem('outlay-theme')
  } catch {
    // Storage may be forbidden; then the system decides.
  }
  const dark =
    kept === 'dark' || (kept !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.mantineColorScheme = dark ? 'dark' : 'light'
})()
