// Says how much a browser loads before the first chart, and fails above the budget of it. The first
// page and its chart stand in the first script, with all that it names; the browser tests hold this
// against what a browser really asks for.
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const BUDGET_KB = 300
const dist = new URL('../dist/', import.meta.url)
const html = readFileSync(new URL('index.html', dist), 'utf8')
const files = readdirSync(dist, { recursive: true }).filter((name) => /\.(js|css)$/.test(name))

let script = 0
for (const name of files.sort()) {
  const kb = gzipSync(readFileSync(new URL(name, dist))).length / 1000
  const first = html.includes(name)
  if (first && name.endsWith('.js')) script += kb
  process.stdout.write(`${kb.toFixed(1).padStart(8)} KB ${first ? 'first' : 'later'}  ${name}\n`)
}
process.stdout.write(
  `${script.toFixed(1).padStart(8)} KB of compressed script before the first chart\n`,
)
if (script > BUDGET_KB) {
  process.stderr.write(`more than the ${BUDGET_KB} KB that are allowed\n`)
  process.exit(1)
}
