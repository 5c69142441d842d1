import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url))
const isLinux = process.platform === 'linux'

/** An unpacked archive, whose program is one that every Linux has, and a root to install into. */
function unpacked(t, change = () => {}) {
  const folder = mkdtempSync(join(tmpdir(), 'install-'))
  t.after(() => rmSync(folder, { recursive: true }))
  chmodSync(folder, 0o755)
  copyFileSync('/bin/true', join(folder, 'outlay'))
  chmodSync(join(folder, 'outlay'), 0o755)
  for (const file of ['install.sh', 'outlay.service']) copyFileSync(join(deploy, file), join(folder, file))
  change(folder)
  const sums = execFileSync('sha256sum', ['install.sh', 'outlay', 'outlay.service'], { cwd: folder })
  writeFileSync(join(folder, 'SHA256SUMS'), sums)
  const root = join(folder, 'root')
  mkdirSync(root)
  return { folder, root }
}

/** Runs the installer as somebody who may write nowhere, so that no mistake here installs anything. */
function installAsNobody(folder) {
  const command = ['sh', join(folder, 'install.sh')]
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  const [program, ...rest] = process.getuid() === 0 ? [...nobody, ...command] : command
  return spawnSync(program, rest, { encoding: 'utf8' })
}

function installInto({ folder, root }) {
  return spawnSync('sh', [join(folder, 'install.sh'), '--root', root], { encoding: 'utf8' })
}

test('the program and its unit are installed as they were packed', { skip: !isLinux }, (t) => {
  const archive = unpacked(t)

  const { status, stdout, stderr } = installInto(archive)

  assert.equal(stderr, '')
  assert.equal(status, 0)
  assert.match(stdout, /systemctl enable outlay/)
  const program = join(archive.root, 'usr/local/bin/outlay')
  assert.deepEqual(readFileSync(program), readFileSync('/bin/true'))
  assert.equal(statSync(program).mode & 0o777, 0o755)
  assert.deepEqual(
    readFileSync(join(archive.root, 'usr/local/lib/systemd/system/outlay.service')),
    readFileSync(join(deploy, 'outlay.service')),
  )
})

test('an installed program gives way to the newer one', { skip: !isLinux }, (t) => {
  const archive = unpacked(t)
  const program = join(archive.root, 'usr/local/bin/outlay')
  mkdirSync(join(archive.root, 'usr/local/bin'), { recursive: true })
  writeFileSync(program, 'older')
  mkdirSync(join(archive.root, 'etc/systemd/system'), { recursive: true })
  writeFileSync(join(archive.root, 'etc/systemd/system/outlay.service'), 'own')

  const { stdout } = installInto(archive)

  assert.deepEqual(readFileSync(program), readFileSync('/bin/true'))
  assert.match(stdout, /etc\/systemd\/system\/outlay.service is there, too/)
})

for (const file of ['outlay', 'outlay.service']) {
  test(`a changed ${file} is refused by its name, and nothing is installed`, { skip: !isLinux }, (t) => {
    const archive = unpacked(t)
    appendFileSync(join(archive.folder, file), '\n')

    const { status, stderr } = installInto(archive)

    assert.equal(status, 1)
    assert.match(stderr, new RegExp(`: ${file} is not what was packed: fetch the archive again`))
    assert.equal(existsSync(join(archive.root, 'usr')), false)
  })
}

test('an archive that is not whole is refused', { skip: !isLinux }, (t) => {
  const archive = unpacked(t)
  rmSync(join(archive.folder, 'SHA256SUMS'))

  const { status, stderr } = installInto(archive)

  assert.equal(status, 1)
  assert.match(stderr, /SHA256SUMS is not beside install.sh: unpack the whole archive/)
})

test('the program of another machine is refused', { skip: !isLinux }, (t) => {
  const { folder } = unpacked(t, (folder) => {
    const bytes = readFileSync(join(folder, 'outlay'))
    bytes[18] = bytes[18] === 0xb7 ? 0x3e : 0xb7
    writeFileSync(join(folder, 'outlay'), bytes)
  })

  const { status, stderr } = installAsNobody(folder)

  assert.equal(status, 1)
  assert.match(stderr, /fetch the other archive/)
})

test('a program that does not run here is refused with its reason', { skip: !isLinux }, (t) => {
  const { folder } = unpacked(t, (folder) => {
    writeFileSync(join(folder, 'outlay'), readFileSync('/bin/true').subarray(0, 200))
  })

  const { status, stderr } = installAsNobody(folder)

  assert.equal(status, 1)
  assert.match(stderr, /does not run here; it needs glibc 2\.28 or newer/)
})

test('whoever is not root is told so', { skip: !isLinux }, (t) => {
  const { folder } = unpacked(t)

  const { status, stderr } = installAsNobody(folder)

  assert.equal(status, 1)
  assert.match(stderr, /only root may install it: sudo sh install\.sh/)
})
