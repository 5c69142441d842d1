import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** How long something may take on a busy machine, in milliseconds. */
export const PATIENCE = 60_000

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const program =
  process.env.OUTLAY_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'debug/outlay')

/** Waits for a condition, and fails where it does not come true. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + PATIENCE
  while (!(await holds())) {
    assert.ok(Date.now() < end, `did not come true: ${what}`)
    await wait(10)
  }
}

/** The real program on a data folder of its own. */
export class Server {
  readonly #folder = mkdtempSync(join(tmpdir(), 'outlay-typescript.'))
  #process: ChildProcess | undefined
  #port = 0
  token = ''

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  static async started(): Promise<Server> {
    const server = new Server()
    await server.start()
    const words = ['token', '--user', 'tests', '--role', 'admin', '--ttl', '1h']
    server.token = execFileSync(program, [...words, ...server.#data()], { encoding: 'utf8' }).trim()
    return server
  }

  /** Starts it, again on the port that it had. */
  async start(): Promise<void> {
    const log = join(this.#folder, 'log')
    const file = openSync(log, 'a')
    const before = readFileSync(log).length
    const words = ['serve', ...this.#data(), '--listen', `127.0.0.1:${this.#port}`]
    const started = spawn(program, words, { stdio: ['ignore', file, file] })
    this.#process = started
    await until(async () => {
      const said = readFileSync(log).subarray(before).toString()
      assert.equal(started.exitCode, null, `the server ended: ${said}`)
      const address = /Outlay is at http:\/\/127\.0\.0\.1:(\d+)/.exec(said)
      if (!address) return false
      this.#port = Number(address[1])
      return fetch(`${this.url}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      )
    }, 'the server answers')
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    const ended = this.#process
    if (!ended || ended.exitCode !== null || ended.signalCode !== null) return
    await new Promise((resolve) => {
      ended.once('exit', resolve)
      ended.kill('SIGKILL')
    })
  }

  async end(): Promise<void> {
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #data(): string[] {
    return ['--data', join(this.#folder, 'data')]
  }
}
