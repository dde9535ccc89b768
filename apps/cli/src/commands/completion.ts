import { catalogue } from './catalogue.ts'
import { completionScript, shells, type Shell } from './completion-script.ts'
import { defineVerb } from './verb.ts'

export const completionVerb = defineVerb({
  example: 'hearthold completion bash > ~/.local/share/bash-completion/completions/hearthold',
  arguments: [
    { name: 'shell', summary: 'The shell to complete in', required: true, choices: shells },
  ],
  options: [],
  run: async (call) => {
    const shell = call.arguments.shell as Shell
    const verbs = await Promise.all(
      catalogue.map(async ({ name, summary, load }) => ({ name, summary, verb: await load() })),
    )
    const script = completionScript(shell, verbs)
    return { data: { shell, script }, text: script }
  },
})
