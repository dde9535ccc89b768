export { openDatabase, type Database } from './database.ts'
export { migrate, NewerDatabaseError, type Migration } from './migrate.ts'
export { inTransaction, onCommit } from './transaction.ts'
export { isForeignKeyViolation, isUniqueViolation } from './sqlite-errors.ts'
