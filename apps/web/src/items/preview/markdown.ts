/**
 * Markdown as a tree of plain values, which markdown-nodes.svelte renders element by element. There is no step from text
 * to HTML, so that nothing in a file can become markup; HTML in it is shown as the text that it is.
 */
import MarkdownIt, { type Token } from 'markdown-it'

export type MarkdownNode =
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'code'; readonly value: string; readonly block: boolean }
  | { readonly kind: 'break' }
  | { readonly kind: 'rule' }
  /** An image: only its words, since nothing is loaded from elsewhere. */
  | { readonly kind: 'image'; readonly alt: string }
  | {
      readonly kind: 'link'
      readonly href: string | undefined
      readonly children: readonly MarkdownNode[]
    }
  | {
      readonly kind: 'element'
      readonly tag: ElementTag
      /** Of a cell of a table, where the text says so. */
      readonly align: Align | undefined
      readonly children: readonly MarkdownNode[]
    }

const tags = [
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'p',
  'ul',
  'ol',
  'li',
  'blockquote',
  'em',
  'strong',
  's',
  'table',
  'thead',
  'tbody',
  'tr',
  'th',
  'td',
] as const
export type ElementTag = (typeof tags)[number]

const parser = new MarkdownIt({ html: false, linkify: false, typographer: false })

/** Links lead to web pages and mail only; everything else stays words. */
const safeHref = (href: string | null): string | undefined =>
  href !== null && /^(https?:\/\/|mailto:)/i.test(href) ? href : undefined

const hrefOf = (token: Token): string | undefined => {
  const href = token.attrGet('href')
  return safeHref(href === null ? null : String(href))
}

export type Align = 'left' | 'center' | 'right'

/** The parser says it as a style, which the policy of the page forbids. */
const alignOf = (token: Token): Align | undefined =>
  (['left', 'center', 'right'] as const).find(
    (one) => token.attrGet('style') === `text-align:${one}`,
  )

type Open = {
  readonly tag: string
  readonly align: Align | undefined
  readonly href: string | undefined
  readonly children: MarkdownNode[]
}

const closed = ({ tag, align, href, children }: Open): MarkdownNode[] => {
  if (tag === 'a') return [{ kind: 'link', href, children }]
  const known = tags.find((one) => one === tag)
  return known ? [{ kind: 'element', tag: known, align, children }] : children
}

const leafOf = (token: Token): MarkdownNode[] => {
  switch (token.type) {
    case 'fence':
    case 'code_block':
      return [{ kind: 'code', value: token.content, block: true }]
    case 'code_inline':
      return [{ kind: 'code', value: token.content, block: false }]
    case 'softbreak':
      return [{ kind: 'text', value: '\n' }]
    case 'hardbreak':
      return [{ kind: 'break' }]
    case 'hr':
      return [{ kind: 'rule' }]
    case 'image':
      return [{ kind: 'image', alt: token.content }]
    case 'inline':
      return treeOf(token.children ?? [])
    default:
      return token.content === '' ? [] : [{ kind: 'text', value: token.content }]
  }
}

const treeOf = (tokens: readonly Token[]): MarkdownNode[] => {
  const top: Open = { tag: '', align: undefined, href: undefined, children: [] }
  const open: Open[] = [top]
  for (const token of tokens) {
    const inner = open.at(-1)!
    if (token.nesting === 1) {
      open.push({ tag: token.tag, align: alignOf(token), href: hrefOf(token), children: [] })
    } else if (token.nesting === -1) {
      if (open.length === 1) continue
      open.pop()
      open.at(-1)!.children.push(...closed(inner))
    } else {
      inner.children.push(...leafOf(token))
    }
  }
  return top.children
}

/** Parses a text of Markdown (CommonMark with tables and strike-through). Never throws. */
export const parseMarkdown = (source: string): MarkdownNode[] => treeOf(parser.parse(source, {}))
