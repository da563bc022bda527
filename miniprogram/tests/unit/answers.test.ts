/**
 * The types of `src/api/types.ts` are written by hand; here every call of `src/api/index.ts` is held against the
 * server's OpenAPI document: its method and path exist, and each property that a page may read is one that the
 * answer always has, of the same kind, and null only where the type says so.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

import ts from 'typescript'
import { expect, it } from 'vitest'

interface Schema {
  $ref?: string
  type?: string | string[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  enum?: unknown[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  additionalProperties?: Schema | boolean
}

const here = resolve(__dirname, '../..')
const document = JSON.parse(readFileSync(resolve(here, '../docs/openapi.json'), 'utf8'))
const source = resolve(here, 'src/api/index.ts')
const program = ts.createProgram([source], {
  strict: true,
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ['lib.esnext.d.ts', 'lib.dom.d.ts'],
  types: [],
  skipLibCheck: true,
  noEmit: true,
})
const checker = program.getTypeChecker()

const resolved = (schema: Schema): Schema =>
  schema.$ref === undefined ? schema : resolved(document.components.schemas[schema.$ref.split('/').pop() ?? ''])

/** The schemas that an answer may have there, without null, and whether null is one of them. */
function alternatives(given: Schema): { schemas: Schema[]; nullable: boolean } {
  const schema = resolved(given)
  const parts = (schema.anyOf ?? schema.oneOf ?? [schema]).map(resolved)
  const types = (part: Schema) => (Array.isArray(part.type) ? part.type : [part.type])
  return {
    schemas: parts.filter((part) => part.type !== 'null'),
    nullable: parts.some((part) => types(part).includes('null')) || (schema.enum ?? []).includes(null),
  }
}

const KINDS: [ts.TypeFlags, string[]][] = [
  [ts.TypeFlags.StringLike, ['string']],
  [ts.TypeFlags.NumberLike, ['integer', 'number']],
  [ts.TypeFlags.BooleanLike, ['boolean']],
]

/** What the type promises at this place and the schema does not. */
function differences(type: ts.Type, given: Schema, path: string, depth = 0): string[] {
  if (depth > 8 || type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return []
  const { schemas, nullable } = alternatives(given)
  const members = type.isUnion() ? type.types : [type]
  const mayBeNull = members.some(({ flags }) => flags & ts.TypeFlags.Null)
  const found = nullable && !mayBeNull ? [`${path} may be null`] : []
  const member = members.find(({ flags }) => !(flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined)))
  const schema = schemas[0]
  if (member === undefined || schema === undefined) return found
  const declared = (Array.isArray(schema.type) ? schema.type : [schema.type]).filter((one) => one !== 'null')
  for (const [flag, names] of KINDS) {
    if (!(member.flags & flag)) continue
    const known = (schema.enum ?? []).filter((one) => one !== null)
    const literals = members.filter((one) => one.isStringLiteral()).map((one) => (one as ts.StringLiteralType).value)
    if (!names.includes(declared[0] ?? '')) found.push(`${path} is ${declared.join()}`)
    // A code that this build has no word for would be shown as it is; one that the server never says is a mistake.
    if (known.length > 0) found.push(...literals.filter((one) => !known.includes(one)).map((one) => `${path} is never ${one}`))
    return found
  }
  if (checker.isArrayType(member)) {
    const [element] = checker.getTypeArguments(member as ts.TypeReference)
    if (declared[0] !== 'array' || element === undefined) return [...found, `${path} is no list`]
    return [...found, ...differences(element, schema.items ?? {}, `${path}[]`, depth + 1)]
  }
  const properties = checker.getPropertiesOfType(member)
  if (properties.length === 0) return declared[0] === 'object' ? found : [...found, `${path} is no object`]
  if (schema.properties === undefined) return found
  for (const property of properties) {
    const at = `${path}.${property.name}`
    const there = schema.properties[property.name]
    const optional = Boolean(property.flags & ts.SymbolFlags.Optional)
    if (there === undefined) found.push(`${at} is never answered`)
    else {
      if (!optional && !schema.required?.includes(property.name)) found.push(`${at} is not always answered`)
      found.push(...differences(checker.getTypeOfSymbol(property), there, at, depth + 1))
    }
  }
  return found
}

interface Call {
  method: string
  path: string
  answer: ts.Type
}

function pathOf(node: ts.Expression): string {
  if (ts.isStringLiteralLike(node)) return node.text
  if (!ts.isTemplateExpression(node)) throw new Error(`not an address: ${node.getText()}`)
  return node.head.text + node.templateSpans.map((span) => `{}${span.literal.text}`).join('')
}

function calls(): Call[] {
  const found: Call[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && node.expression.expression.getText() === 'client') {
      const [first, second] = node.arguments
      const [answer] = node.typeArguments ?? []
      const name = node.expression.name.text
      if (answer !== undefined && first !== undefined) {
        const acts = name === 'act' && second !== undefined
        found.push({
          method: acts ? (first as ts.StringLiteral).text : name === 'get' ? 'GET' : 'POST',
          path: pathOf(acts ? second : first),
          answer: checker.getTypeFromTypeNode(answer),
        })
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(program.getSourceFile(source) as ts.SourceFile)
  return found
}

it.each(calls().map((call) => [`${call.method} ${call.path}`, call] as const))('%s answers what its type says', (_, call) => {
  const wanted = `/api/v1${call.path.split('?')[0]}`
  const path = Object.keys(document.paths).find((one) => one.replace(/\{[^}]*\}/g, '{}') === wanted)
  const operation = path && document.paths[path][call.method.toLowerCase()]
  expect(operation, `${call.method} ${wanted} is not in docs/openapi.json`).toBeDefined()
  const [status = ''] = Object.keys(operation.responses).filter((code) => code.startsWith('2'))
  const body = operation.responses[status].content?.['application/json']?.schema as Schema | undefined
  if (call.answer.flags & ts.TypeFlags.Null) expect(body).toBeUndefined()
  else expect(differences(call.answer, body ?? {}, 'answer')).toEqual([])
})

it('finds the calls at all', () => {
  expect(calls().length).toBeGreaterThan(50)
})
