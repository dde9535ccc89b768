/** Asks before something is done: `if (await confirm({ title, text, act })) ...`. */
export { confirm, type Question } from './confirm-queue.svelte.ts'
