import { join } from 'node:path'
import { startServer } from './server'

/** Starts the server that all tests look at; the returned function ends it. */
export default async function start() {
  const server = await startServer({ demo: true })
  process.env.OUTLAY_E2E_URL = server.url
  process.env.OUTLAY_E2E_LINK = server.link
  process.env.OUTLAY_E2E_STATE = join(server.data, 'browser-state.json')
  return server.remove
}
