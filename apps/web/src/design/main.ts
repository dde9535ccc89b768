/** The design page: every component in every state, for looking and for tests. No part of the product. */
import { mount } from 'svelte'
import '../ui/theme.svelte.ts'
import '../ui/tokens.css'
import Design from './design.svelte'

const target = document.getElementById('app')
if (target === null) throw new Error('The page has no place for the design.')
mount(Design, { target })
