#!/usr/bin/env node
// Runs cargo, and says how far it is: scripts/cargo.mjs build --workspace
//
// Cargo itself counts on a terminal only, and tells no time. Here one line is drawn anew on a
// terminal; in a log one is added every half minute. The line for each crate that is compiled is left
// out; warnings and errors are not.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { pathToFileURL } from 'node:url'

const PAINT = /\x1b\[[0-9;]*[mK]/g
const OF_ONE_CRATE = /^ *(Adding|Checking|Compiling|Dirty|Downloaded|Fresh|Locking) /
// e.g. "    Building [=====>      ] 412/690: datafusion, parquet(build)"
const COUNTED = /\] (\d+)\/(\d+)(?:: (.*?))? *$/

/** What is told of cargo's progress, e.g. `412 of 690 steps after 6:20 min: datafusion`. */
export function told({ done, all, names }, seconds) {
  const time = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds) % 60).padStart(2, '0')}`
  return `    ${done} of ${all} steps after ${time} min${names ? `: ${names}` : ''}`
}

/**
 * Hears what cargo says, piece by piece. Lines for people are passed on to `pass`; how far it is, which
 * ends with a carriage return, is kept in `progress`.
 */
export class Listener {
  progress = null
  #rest = ''

  constructor(pass) {
    this.pass = pass
  }

  hear(text) {
    const pieces = (this.#rest + text).split(/(?<=[\n\r])/)
    this.#rest = /[\n\r]$/.test(pieces.at(-1)) ? '' : pieces.pop()
    for (const piece of pieces) this.#take(piece)
  }

  end() {
    if (this.#rest) this.#take(this.#rest)
    this.#rest = ''
  }

  #take(piece) {
    const plain = piece.replace(PAINT, '').replace(/[\n\r]+$/, '')
    const counted = COUNTED.exec(plain)
    if (counted) {
      this.progress = { done: counted[1], all: counted[2], names: counted[3] ?? '' }
    } else if (!piece.endsWith('\r') && !OF_ONE_CRATE.test(plain)) {
      this.pass(piece.replace(/^(?:\x1b\[K)+/, ''))
    }
  }
}

function run(commandLine) {
  const { stdout, env } = process
  const everySeconds = Number(env.PROGRESS_SECONDS ?? 30)
  const began = Date.now()
  const seconds = () => (Date.now() - began) / 1000
  let toldAt = 0

  const clear = () => stdout.isTTY && stdout.write('\r\x1b[K')
  const listener = new Listener((line) => {
    clear()
    stdout.write(line)
  })
  const tell = () => {
    if (!listener.progress) return
    const text = told(listener.progress, seconds())
    if (stdout.isTTY) {
      stdout.write(`\r${text.slice(0, (stdout.columns || 80) - 1)}\x1b[K`)
    } else if (seconds() - toldAt >= everySeconds) {
      stdout.write(`${text}\n`)
      toldAt = seconds()
    }
  }

  const cargo = spawn(env.CARGO ?? 'cargo', commandLine, {
    stdio: ['inherit', 'inherit', 'pipe'],
    env: {
      ...env,
      CARGO_TERM_PROGRESS_WHEN: 'always',
      CARGO_TERM_PROGRESS_WIDTH: '120',
      CARGO_TERM_COLOR: env.CARGO_TERM_COLOR ?? (stdout.isTTY ? 'always' : 'never'),
    },
  })
  const ticking = setInterval(tell, 1000)
  cargo.stderr.setEncoding('utf8').on('data', (text) => {
    listener.hear(text)
    tell()
  })
  // Whoever interrupts this interrupts cargo, too, and hears it out.
  process.on('SIGINT', () => {})
  cargo.on('error', (error) => {
    clearInterval(ticking)
    console.error(`cargo cannot be run (${error.message}); https://rustup.rs installs it`)
    process.exitCode = 127
  })
  cargo.on('close', (status, signal) => {
    clearInterval(ticking)
    clear()
    listener.end()
    process.exitCode ??= status ?? 128 + constants.signals[signal]
  })
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) run(process.argv.slice(2))
