import type { Migration } from '../../db/index.ts'
import { up as keys } from './0001-keys.ts'

export const keysMigrations: readonly Migration[] = [{ name: 'keys/0001-keys', up: keys }]
