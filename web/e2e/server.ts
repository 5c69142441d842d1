import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/** A started `outlay serve`, on a folder of its own. */
export interface Server {
  url: string
  /** The sign-in link of the first start; works once. */
  link: string
  /** The sign-in link of the demo's member, where there is a demo. */
  memberLink: string
  data: string
  /** Ends the process and keeps the folder. */
  stop: () => Promise<void>
  /** Ends the process and removes the folder. */
  remove: () => Promise<void>
}

interface StartOptions {
  demo?: boolean
  /** A folder of an earlier start; a new one otherwise. */
  data?: string
  /** Where it listens; a free port otherwise. */
  listen?: string
}

const MEMBER_LINK = /in a private window as .*?: *(\S+)\n/
const BINARY = process.env.OUTLAY_BIN ?? resolve(import.meta.dirname, '../../target/debug/outlay')
/** A debug build fills the demo in some seconds; a busy machine takes longer. */
const START_MS = 180_000

/** Starts the real program and waits until it says where it is. */
export async function startServer({ demo, data, listen }: StartOptions = {}): Promise<Server> {
  const address = listen ?? `127.0.0.1:${await freePort()}`
  const folder = data ?? mkdtempSync(join(tmpdir(), 'outlay-e2e-'))
  const args = ['serve', '--data', folder, '--listen', address, ...(demo ? ['--demo'] : [])]
  const process = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const last = demo ? MEMBER_LINK : data ? /Outlay is at \S+/ : /Sign in once: *\S+/
  const text = await output(process, last)
  const stop = () => ended(process)
  return {
    url: /Outlay is at (\S+)/.exec(text)?.[1] ?? '',
    link: /Sign in once: *(\S+)/.exec(text)?.[1] ?? '',
    memberLink: MEMBER_LINK.exec(text)?.[1] ?? '',
    data: folder,
    stop,
    remove: async () => {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A port that nobody listens on at the moment. */
function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer()
    probe.on('error', fail)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => done(port))
    })
  })
}

function output(process: ChildProcess, wanted: RegExp): Promise<string> {
  let text = ''
  let errors = ''
  return new Promise((done, fail) => {
    const late = setTimeout(
      () => fail(new Error(`no address after ${START_MS} ms: ${text}${errors}`)),
      START_MS,
    )
    process.stdout?.on('data', (chunk) => {
      text += stripVTControlCharacters(String(chunk))
      if (!wanted.test(text)) return
      clearTimeout(late)
      done(text)
    })
    process.stderr?.on('data', (chunk) => {
      errors = (errors + String(chunk)).slice(-4_000)
    })
    process.on('error', fail)
    process.on('exit', (code) => {
      clearTimeout(late)
      fail(new Error(`outlay ended with ${code} before it was up: ${text}${errors}`))
    })
  })
}

async function ended(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return
  const exit = new Promise((done) => process.once('exit', done))
  process.kill('SIGTERM')
  const late = setTimeout(() => process.kill('SIGKILL'), 10_000)
  await exit
  clearTimeout(late)
}
