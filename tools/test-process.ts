/** Before each file of tests that share a process: what a file before it may have left changed in that process. */

// A server makes itself private, once and for all of its process.
process.umask(0o022)
