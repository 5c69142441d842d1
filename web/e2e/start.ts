import { join } from 'node:path'
import { serveFreshPages } from './pages'
import { startServer } from './server'

/**
 * Starts the server that all tests look at; the returned function ends it. With
 * `OUTLAY_E2E_PAGES=dist` the pages are those of `web/dist`, and not those built into the program.
 */
export default async function start() {
  const server = await startServer({ demo: true })
  const front = process.env.OUTLAY_E2E_PAGES === 'dist' ? await serveFreshPages(server.url) : null
  const url = front?.url ?? server.url
  process.env.OUTLAY_E2E_URL = url
  process.env.OUTLAY_E2E_LINK = server.link.replace(server.url, url)
  process.env.OUTLAY_E2E_MEMBER_LINK = server.memberLink.replace(server.url, url)
  process.env.OUTLAY_E2E_STATE = join(server.data, 'browser-state.json')
  process.env.OUTLAY_E2E_MEMBER_STATE = join(server.data, 'member-state.json')
  return async () => {
    front?.close()
    await server.remove()
  }
}
