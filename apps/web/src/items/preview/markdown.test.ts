import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type MarkdownNode, parseMarkdown } from './markdown.ts'

const flat = (nodes: readonly MarkdownNode[]): MarkdownNode[] =>
  nodes.flatMap((node) => [node, ...('children' in node ? flat(node.children) : [])])
const words = (nodes: readonly MarkdownNode[]): string =>
  flat(nodes)
    .map((node) => ('value' in node ? node.value : ''))
    .join('')

describe('parseMarkdown', () => {
  test('gives headings, lists, tables and code as elements', () => {
    const nodes = parseMarkdown(
      '# Title\n\n- one\n- *two*\n\n| a |\n|---|\n| 1 |\n\n```\nx < 1\n```',
    )
    const tags = flat(nodes).flatMap((node) => (node.kind === 'element' ? [node.tag] : []))
    expect(tags).toEqual(expect.arrayContaining(['h1', 'ul', 'li', 'em', 'table', 'th', 'td']))
    expect(flat(nodes)).toContainEqual({ kind: 'code', value: 'x < 1\n', block: true })
  })
  test('shows HTML as text', () => {
    const nodes = parseMarkdown('<script>alert(1)</script>\n\n<img src=x onerror=alert(1)>')
    expect(words(nodes)).toContain('<script>alert(1)</script>')
    expect(words(nodes)).toContain('onerror')
    expect(flat(nodes).every((node) => node.kind !== 'image')).toBe(true)
  })
  test.each([
    ['https://example.org/a', 'https://example.org/a'],
    ['mailto:ada@example.org', 'mailto:ada@example.org'],
    ['javascript:alert(1)', undefined],
    ['data:text/html,x', undefined],
    ['/api/session', undefined],
  ])('a link to %s leads to %s', (target, href) => {
    const links = flat(parseMarkdown(`[here](${target})`)).filter((node) => node.kind === 'link')
    expect(links.every((link) => link.href === href)).toBe(true)
    expect(links.length).toBe(/^(javascript|data):/.test(target) ? 0 : 1)
  })
  test('an image is its words alone', () => {
    expect(flat(parseMarkdown('![a cat](https://example.org/cat.png)'))).toContainEqual({
      kind: 'image',
      alt: 'a cat',
    })
  })
  test('takes any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (source) => {
        expect(Array.isArray(parseMarkdown(source))).toBe(true)
      }),
    )
  })
})
