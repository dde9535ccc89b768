/**
 * Who may import whom: the table that docs/decisions/0002 explains and check-boundaries.ts checks.
 * A line here is a promise to readers: change it together with the decision.
 */

/** What the sources of one workspace folder may import. Tests beside them may import more. */
export type FolderLaw = {
  /** Names of workspace packages, without the scope. */
  workspace: string[]
  /** npm packages; `@scope/*` for a whole scope, `*` for whatever its package.json declares. */
  external: string[]
  /** Files, relative to the folder, that may import `node:` modules; `*` for all. */
  node: string[]
  /** False for what is built and never imported: such a folder exports nothing. */
  door?: false
}

/** The law for every workspace folder. A folder that is not here is a violation in itself. */
export const importLaw: Record<string, FolderLaw> = {
  'packages/crypto': {
    workspace: [],
    external: ['@noble/*', 'hpke'],
    node: ['src/native-node.ts'],
  },
  'packages/contract': { workspace: [], external: ['typebox'], node: [] },
  'packages/model': { workspace: ['crypto', 'contract'], external: [], node: [] },
  'packages/client': { workspace: ['contract'], external: [], node: [] },
  'packages/member': {
    workspace: ['crypto', 'contract', 'model', 'client'],
    external: [
      '@noble/ciphers',
      '@serenity-kit/opaque',
      'hash-wasm',
      'nostr-tools',
      'otpauth',
      'qr',
      'zstddec',
    ],
    node: [],
  },
  'apps/server': { workspace: ['contract', 'model', 'crypto'], external: ['*'], node: ['*'] },
  'apps/cli': {
    workspace: ['member', 'client', 'model', 'contract'],
    external: ['*'],
    node: ['*'],
  },
  'apps/web': {
    workspace: ['member', 'client', 'model', 'contract'],
    external: ['*'],
    node: [],
    door: false,
  },
}

/**
 * Which area of the web app (a folder under apps/web/src/areas) may import which other one. Every
 * area is loaded by itself when it is needed; what several of them share stands in a folder of its
 * own: ui, items, secrets, session, text.
 */
export const areaLaw: Record<string, string[]> = { 'set-up': ['sign-up'] }

/**
 * Which part of the server may import which. A part is the folder under apps/server/src; files at
 * its top (main.ts, app.ts) are the composer, may import everything and are imported by nobody.
 * A feature reaches another feature only by that one's public.ts.
 */
export const serverLaw: Record<string, string[]> = {
  platform: ['platform'],
  config: ['config', 'platform'],
  features: ['platform', 'features'],
  // `hearthold rest-server`: the restic protocol over a folder, with no database and no feature.
  'rest-server': ['rest-server', 'config', 'platform'],
}
