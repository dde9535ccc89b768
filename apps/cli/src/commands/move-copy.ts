import { copyItem, moveItem, type Share } from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import { openShareOf, parseSharePath, withAdvice } from '../member/share-path.ts'
import { withMember } from '../member/with-member.ts'
import { printable } from '../output/text.ts'
import { serverOptions } from './options.ts'
import { defineVerb, type Verb } from './verb.ts'

type Act = {
  readonly example: string
  readonly work: (share: Share, from: string, to: string) => Promise<void>
  readonly done: string
}

const withinShare = ({ example, work, done }: Act): Verb =>
  defineVerb({
    example,
    arguments: [
      { name: 'source', summary: 'SHARE:/path', required: true },
      { name: 'target', summary: 'SHARE:/folder or SHARE:/new-name', required: true },
    ],
    options: serverOptions,
    run: (call) => {
      const from = parseSharePath(call.arguments.source)
      const to = parseSharePath(call.arguments.target)
      return withMember(call, async (connection) => {
        const share = await openShareOf(connection, from.share)
        if (to.share !== from.share && (await openShareOf(connection, to.share)) !== share) {
          throw new CliError(
            'usage',
            'The two places are in different shares.',
            'Get it from the one and put it into the other.',
          )
        }
        await withAdvice(() => work(share, from.path, to.path))
        return {
          data: { share: share.log, from: from.path, to: to.path },
          text: `${done} ${printable(from.path)} to ${printable(to.path)}.\n`,
        }
      })
    },
  })

export const mvVerb = withinShare({
  example: 'hearthold mv Photos:/2026/img_1.jpg Photos:/2026/summer',
  work: moveItem,
  done: 'Moved',
})

/** Cheap: the sealed objects are the same, only names are new. */
export const cpVerb = withinShare({
  example: 'hearthold cp Papers:/letter.odt Papers:/drafts',
  work: copyItem,
  done: 'Copied',
})
