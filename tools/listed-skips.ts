/**
 * Tests that may be skipped, by the start of `file > name`, each with the reason. Any other
 * skipped test fails the run.
 */
export const listedSkips: { test: string; reason: string }[] = []
