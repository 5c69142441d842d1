// Writes each text of the build a second time, as small as it goes: a browser that takes brotli gets a
// sixth less than with what the server compresses by itself. It serves these beside the files they are of.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { brotliCompressSync, constants } from 'node:zlib'

/** Smaller ones are one packet anyway. */
const WORTH_BYTES = 1_024
const dist = new URL('../dist/', import.meta.url)

for (const name of readdirSync(dist, { recursive: true })) {
  if (!/\.(js|css|html|svg)$/.test(name)) continue
  const text = readFileSync(new URL(name, dist))
  const params = {
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
  }
  const small = brotliCompressSync(text, { params })
  if (text.length > WORTH_BYTES) writeFileSync(new URL(`${name}.br`, dist), small)
}
