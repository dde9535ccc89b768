export { openDatabase, type Database } from './database.ts'
export { migrate, NewerDatabaseError, type Migration } from './migrate.ts'
export { inSavepoint, inTransaction, onCommit } from './transaction.ts'
export { isForeignKeyViolation, isUniqueViolation } from './sqlite-errors.ts'
