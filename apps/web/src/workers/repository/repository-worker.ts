/** The repository worker: opens one restic repository, and holds its password's keys until it is ended. */
import { expose } from 'comlink'
import { installErrors } from '../account/errors.ts'
import { createReader } from './reader.ts'

installErrors()
expose(createReader())
