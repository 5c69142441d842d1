// Packs the pictures that the browser tests compare with: the colours that are seen most stay, the others
// become the nearest of them, and what is left is deflated as well as it goes. `npm run looks` runs it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { crc32, deflateSync, inflateSync } from 'node:zlib'

const LOOKS = resolve(import.meta.dirname, '../e2e/looks')
const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')
const CHANNELS = { 2: 3, 6: 4 }
const PALETTE_MAX = 96

for (const name of readdirSync(LOOKS).filter((name) => name.endsWith('.png'))) {
  const file = join(LOOKS, name)
  const before = readFileSync(file)
  const after = packed(before)
  if (after.length < before.length) writeFileSync(file, after)
}

function packed(png) {
  const { header, data } = chunksOf(png)
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)]
  const channels = CHANNELS[header[9]]
  if (header[8] !== 8 || header[12] !== 0 || !channels) return png
  const pixels = unfiltered(inflateSync(data), width * channels, height, channels)
  const keys = Array.from({ length: width * height }, (_, at) =>
    pixels.readUIntBE(at * channels, 3),
  )
  const seen = new Map()
  for (const key of keys) seen.set(key, (seen.get(key) ?? 0) + 1)
  const palette = [...seen].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, PALETTE_MAX)
  const colours = palette.map(([key]) => parts(key))
  const known = new Map([...seen.keys()].map((key) => [key, nearest(colours, parts(key))]))
  const indexes = Buffer.from(keys.map((key) => known.get(key)))
  const rows = Buffer.alloc((width + 1) * height)
  for (let y = 0; y < height; y++)
    indexes.copy(rows, y * (width + 1) + 1, y * width, (y + 1) * width)
  const ihdr = Buffer.from(header)
  ihdr[9] = 3
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', ihdr),
    chunk('PLTE', Buffer.from(colours.flat())),
    chunk('IDAT', deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function parts(key) {
  return [key >> 16, (key >> 8) & 255, key & 255]
}

function nearest(palette, colour) {
  const far = (one) => one.reduce((sum, value, at) => sum + Math.abs(value - colour[at]), 0)
  return palette.reduce((best, one, at) => (far(one) < far(palette[best]) ? at : best), 0)
}

function chunksOf(png) {
  let header
  const data = []
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at)
    const name = png.toString('latin1', at + 4, at + 8)
    const body = png.subarray(at + 8, at + 8 + length)
    if (name === 'IHDR') header = body
    if (name === 'IDAT') data.push(body)
    at += length + 12
  }
  return { header, data: Buffer.concat(data) }
}

/** The pixels, of which each row is written as its difference from those around it. */
function unfiltered(raw, stride, height, channels) {
  const out = Buffer.alloc(stride * height)
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)]
    for (let x = 0; x < stride; x++) {
      const left = x >= channels ? out[y * stride + x - channels] : 0
      const above = y > 0 ? out[(y - 1) * stride + x] : 0
      const corner = y > 0 && x >= channels ? out[(y - 1) * stride + x - channels] : 0
      const guess = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter]
      out[y * stride + x] = (raw[y * (stride + 1) + 1 + x] + guess) & 255
    }
  }
  return out
}

function paeth(left, above, corner) {
  const far = (one) => Math.abs(left + above - corner - one)
  if (far(left) <= far(above) && far(left) <= far(corner)) return left
  return far(above) <= far(corner) ? above : corner
}

function chunk(name, body) {
  const out = Buffer.alloc(body.length + 12)
  out.writeUInt32BE(body.length, 0)
  out.write(name, 4, 'latin1')
  body.copy(out, 8)
  out.writeUInt32BE(crc32(out.subarray(4, 8 + body.length)), 8 + body.length)
  return out
}
