import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

import { Listener, told } from '../cargo.mjs'

const script = fileURLToPath(new URL('../cargo.mjs', import.meta.url))

/** What the script says of a cargo that does this. */
function said(shell, env = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'cargo-'))
  const cargo = join(folder, 'cargo')
  writeFileSync(cargo, `#!/bin/sh\n${shell}\n`)
  chmodSync(cargo, 0o755)
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [script, 'build'],
      { env: { ...process.env, CARGO: cargo, ...env } },
      (error, stdout, stderr) => {
        rmSync(folder, { recursive: true })
        resolve({ status: error?.code ?? 0, stdout, stderr })
      },
    )
  })
}

test('progress is told with its steps, its time and what is compiled', () => {
  const progress = { done: '412', all: '690', names: 'datafusion, parquet' }

  assert.equal(told(progress, 380.9), '    412 of 690 steps after 6:20 min: datafusion, parquet')
})

test('progress is heard in pieces and in colour', () => {
  const passed = []
  const listener = new Listener((line) => passed.push(line))

  listener.hear('\x1b[1m\x1b[92m   Compiling\x1b[0m serde v1.0\n\x1b[1m\x1b[96m    Building\x1b[0m [=> ] 1')
  assert.equal(listener.progress, null)
  listener.hear('2/34: serde, syn(build)     \r\x1b[K\x1b[1mwarning\x1b[0m: odd\n')

  assert.deepEqual(listener.progress, { done: '12', all: '34', names: 'serde, syn(build)' })
  assert.deepEqual(passed, ['\x1b[1mwarning\x1b[0m: odd\n'])
})

test('a log has no line for each crate, and every warning and error', async () => {
  const { status, stdout } = await said(`
    for n in 1 2 3; do
      printf '   Compiling crate%s v1.0.0\\n    Building [==> ] %s/3: crate%s\\r' $n $n $n >&2
    done
    printf 'error: wrong\\n  --> src/lib.rs:1:1\\nerror: could not compile' >&2
    exit 101`)

  assert.equal(stdout, 'error: wrong\n  --> src/lib.rs:1:1\nerror: could not compile')
  assert.equal(status, 101)
})

test('a log says how far it is from time to time', async () => {
  const building = `printf '    Building [==> ] 2/3: datafusion\\r' >&2`

  const often = await said(building, { PROGRESS_SECONDS: '0' })
  const seldom = await said(building)

  assert.match(often.stdout, /^    2 of 3 steps after 0:\d\d min: datafusion\n/)
  assert.equal(seldom.stdout, '')
})

test('a cargo that is missing is told in words', async () => {
  const { status, stderr } = await said('', { CARGO: '/nowhere/cargo' })

  assert.equal(status, 127)
  assert.match(stderr, /rustup\.rs installs it/)
})
