/** A component that draws one icon: any of `@lucide/svelte/icons/*`, or the mark. */
import type { LucideProps } from '@lucide/svelte'
import type { Component } from 'svelte'

export type IconProps = LucideProps
export type Icon = Component<IconProps>
