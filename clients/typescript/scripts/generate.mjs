// Writes src/schema.ts: the types of the API, from its description.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import openapiTS, { astToString } from 'openapi-typescript'
import ts from 'typescript'

const source = new URL('../../../docs/reference/openapi.json', import.meta.url)
const target = new URL('../src/schema.ts', import.meta.url)

const head = `// Made from docs/reference/openapi.json by scripts/generate.mjs: changes belong there.

/** A day of the calendar, as YYYY-MM-DD. */
export type Day = \`\${number}-\${number}-\${number}\`

`

const day = ts.factory.createTypeReferenceNode('Day')
const nothing = ts.factory.createLiteralTypeNode(ts.factory.createNull())

const tree = await openapiTS(source, {
  // What has a default may be left out of a request; answers name what is always there.
  defaultNonNullable: false,
  // An object of which nothing is said may hold anything.
  emptyObjectsUnknown: true,
  transform(shape) {
    if (shape.format !== 'date') return undefined
    return shape.type.includes('null') ? ts.factory.createUnionTypeNode([day, nothing]) : day
  },
})
const text = head + astToString(tree)
// A file that did not change keeps its time, so that nothing is built anew because of it.
if (!existsSync(target) || readFileSync(target, 'utf8') !== text) writeFileSync(target, text)
