import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('../../', import.meta.url))

/** A folder with the script and the manifest of one crate, and what runs the script there. */
function manifests(t) {
  const folder = mkdtempSync(join(tmpdir(), 'hollow-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const path of ['scripts', 'crates/one', 'target/debug/.fingerprint/outlay-one-12', 'target/debug/.fingerprint/serde-34']) {
    mkdirSync(join(folder, path), { recursive: true })
  }
  copyFileSync(join(top, 'scripts/hollow.sh'), join(folder, 'scripts/hollow.sh'))
  writeFileSync(
    join(folder, 'crates/one/Cargo.toml'),
    '[package]\nname = "outlay-one"\n\n[[bin]]\nname = "one"\npath = "src/main.rs"\n\n[[bench]]\nname = "speed"\nharness = false\n',
  )
  const env = { ...process.env, CARGO_TARGET_DIR: 'target' }
  const hollow = (...flags) => spawnSync(join(folder, 'scripts/hollow.sh'), flags, { encoding: 'utf8', env })
  return { folder, hollow }
}

test('there are sources for all that a manifest names', (t) => {
  const { folder, hollow } = manifests(t)

  const { status, stderr } = hollow()

  assert.equal(`${status}${stderr}`, '0')
  assert.deepEqual(readdirSync(join(folder, 'crates/one/src')).sort(), ['lib.rs', 'main.rs'])
  assert.deepEqual(readdirSync(join(folder, 'crates/one/benches')), ['speed.rs'])
})

test('hollow sources and what was compiled of them are forgotten, and dependencies are not', (t) => {
  const { folder, hollow } = manifests(t)
  hollow()

  const { status } = hollow('--forget')

  assert.equal(status, 0)
  assert.deepEqual(readdirSync(join(folder, 'crates/one')), ['Cargo.toml'])
  assert.deepEqual(readdirSync(join(folder, 'target/debug/.fingerprint')), ['serde-34'])
})

test('sources are not made hollow', (t) => {
  const { folder, hollow } = manifests(t)
  mkdirSync(join(folder, 'crates/one/src'))

  const { status, stderr } = hollow()

  assert.equal(status, 1)
  assert.match(stderr, /crates\/one\/ has sources/)
  assert.equal(existsSync(join(folder, 'crates/one/src/lib.rs')), false)
})

test('the image has the manifest of every crate before it compiles the dependencies', () => {
  const file = readFileSync(join(top, 'deploy/Dockerfile'), 'utf8')
  const before = file.slice(0, file.indexOf('RUN scripts/hollow.sh'))

  for (const crate of readdirSync(join(top, 'crates'))) {
    assert.ok(before.includes(`\nCOPY crates/${crate}/Cargo.toml ./crates/${crate}/\n`), crate)
  }
})
