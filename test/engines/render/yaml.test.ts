import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { toYaml, type Yaml } from '../../../src/engines/render/yaml.js'
import { argument } from './support.js'

test('plain data becomes block YAML', () => {
  const value: Yaml = { kind: 'A', list: ['x', 1, { a: 'yes', b: [] }, ['y']], none: {}, left: undefined, path: '/dev/kfd', size: '16g' }
  expect(toYaml(value)).toBe(`kind: A
list:
  - x
  - 1
  - a: "yes"
    b: []
  - - "y"
none: {}
path: /dev/kfd
size: "16g"
`)
})

test.each(['1.2', '1.1'] as const)('any data comes back as it was, by the rules of YAML %s', (version) => {
  const scalar = fc.oneof(
    argument,
    fc.constantFrom('yes', 'off', 'Null', 'y', '~', '08', '1:30', '2001-01-01', '<<', '='),
    fc.integer(),
    fc.boolean(),
  )
  const { tree } = fc.letrec<{ tree: Yaml; node: Yaml }>((tie) => ({
    node: fc.oneof({ maxDepth: 4 }, scalar, tie('tree')),
    tree: fc.oneof(fc.array(tie('node'), { maxLength: 4 }), fc.dictionary(argument, tie('node'), { maxKeys: 4, noNullPrototype: true })),
  }))
  fc.assert(
    fc.property(tree, (value) => {
      const text = toYaml(value)
      expect(parse(text, { version, merge: false })).toEqual(value)
      // Not every reader of YAML is as patient as this one: the rules want these escaped.
      expect(text).not.toMatch(/[\u007f-\u0084\u0086-\u009f\u2028\u2029\ufeff\ufffe\uffff]/)
    }),
    { numRuns: 500 },
  )
})
