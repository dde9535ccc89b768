export * from "./aead.ts";
export * from "./byte-io.ts";
export * from "./bytes.ts";
export * from "./hash.ts";
export * from "./integrity-error.ts";
export type { StreamingHash } from "./native.ts";
export * from './logs/index.ts'
