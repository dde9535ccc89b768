/** A component that draws one icon: any of `@lucide/svelte/icons/*`, the seal's glyph, the mark. */
import type { Component } from 'svelte'
import type { IconProps } from '@lucide/svelte'

export type Icon = Component<IconProps>
