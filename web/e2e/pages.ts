import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { extname, join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'

const DIST = resolve(import.meta.dirname, '../dist')

const TYPES: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

/** What is asked of the program, and not of the pages. */
const FOR_PROGRAMS = /^\/(api|socket\.io|metrics|healthz|readyz)\b/

/**
 * Stands before a server and answers with the pages of `dist` in place of those built into it, so
 * that pages can be tested without building the program again. The server's own headers go with
 * them, its content security policy above all.
 */
export async function serveFreshPages(target: string): Promise<{ url: string; close: () => void }> {
  const { hostname, port } = new URL(target)
  const policy = (await fetch(target)).headers.get('content-security-policy')
  const front = createServer((asked, answer) => {
    const path = new URL(asked.url ?? '/', target).pathname
    if (asked.method !== 'GET' || FOR_PROGRAMS.test(path)) pass(asked, answer, { hostname, port })
    else sendPage(path, policy, answer)
  })
  front.on('upgrade', (asked, socket, head) => {
    const behind = connect(Number(port), hostname, () => {
      const headers = asked.rawHeaders.flatMap((text, at, all) =>
        at % 2 === 0 ? [`${text}: ${all[at + 1]}`] : [],
      )
      behind.write(`GET ${asked.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
      behind.write(head)
      socket.pipe(behind).pipe(socket)
    })
    behind.on('error', () => socket.destroy())
    socket.on('error', () => behind.destroy())
  })
  await new Promise<void>((done) => front.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    close: () => {
      front.closeAllConnections()
      front.close()
    },
  }
}

function pass(
  asked: IncomingMessage,
  answer: ServerResponse,
  { hostname, port }: { hostname: string; port: string },
) {
  const { method, url: path, headers } = asked
  const behind = request({ hostname, port, method, path, headers }, (answered) => {
    answer.writeHead(answered.statusCode ?? 502, answered.headers)
    answered.pipe(answer)
  })
  behind.on('error', () => answer.writeHead(502).end())
  asked.pipe(behind)
}

function sendPage(path: string, policy: string | null, answer: ServerResponse) {
  const file = join(DIST, path)
  const found = extname(path) && file.startsWith(DIST) && existsSync(file)
  const name = found ? file : join(DIST, 'index.html')
  const { encoding, content } = smallest(name)
  answer.setHeader('content-type', TYPES[extname(name)] ?? 'application/octet-stream')
  answer.setHeader('content-encoding', encoding)
  answer.setHeader(
    'cache-control',
    path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
  )
  if (policy) answer.setHeader('content-security-policy', policy)
  answer.end(content)
}

interface Small {
  encoding: 'br' | 'gzip'
  content: Buffer
}

const known = new Map<string, Small>()

/** A file as the server sends it to a browser: what the build has compressed, else with gzip. */
function smallest(name: string): Small {
  const was = known.get(name)
  if (was) return was
  const small: Small = existsSync(`${name}.br`)
    ? { encoding: 'br', content: readFileSync(`${name}.br`) }
    : { encoding: 'gzip', content: gzipSync(readFileSync(name)) }
  known.set(name, small)
  return small
}
