/** Tries all of `steps`, whatever fails: for removing what must not stay after an error already on its way. */
export const tryEach = (...steps: (() => unknown)[]): void => {
  for (const step of steps)
    try {
      step()
    } catch {
      // The first error is the one that is told; what stays behind has no final name and is swept.
    }
}
