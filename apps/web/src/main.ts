import { mount } from 'svelte'
import App from './app.svelte'
import './ui/theme.svelte.ts'
import './ui/tokens.css'

const target = document.getElementById('app')
if (target === null) throw new Error('The page has no place for the app.')
mount(App, { target })
