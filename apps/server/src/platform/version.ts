/** This build's number (also in package.json; a test compares) and the day it was made, for showing its age without calling home. */
export const version = '0.1.0'
export const versionDate = '2026-11-21'
