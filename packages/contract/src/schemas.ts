import { Type } from 'typebox'

/** 16 random or hashed bytes as 32 lowercase hex digits: accounts, logs, devices, objects, nodes, methods. */
export const Id = Type.String({ pattern: '^[0-9a-f]{32}$' })
/** 32 bytes as 64 lowercase hex digits: hashes and public keys. */
export const Hex32 = Type.String({ pattern: '^[0-9a-f]{64}$' })
/** 64 bytes as 128 lowercase hex digits: Ed25519 signatures. */
export const Hex64 = Type.String({ pattern: '^[0-9a-f]{128}$' })
/** base64url without padding, of at most `maxBytes` decoded bytes. */
export const Base64Url = (maxBytes: number) =>
  Type.String({ pattern: '^[A-Za-z0-9_-]*$', maxLength: Math.ceil((maxBytes * 4) / 3) })
/** Milliseconds since 1970, by the server's clock. */
export const Time = Type.Integer({ minimum: 0 })
/** A count of bytes. */
export const Size = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
export const Seq = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** 32 random bytes as base64url: set-up tokens, invitations, bearer tokens. */
export const Token = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })
/** A sign-in name: 1 to 64 characters; normalised (NFKC, trimmed, lower case) by the server for look-up. */
export const SignInName = Type.String({ minLength: 1, maxLength: 64 })
export const Role = Type.Union([
  Type.Literal('host'),
  Type.Literal('member'),
  Type.Literal('guest'),
])
/** A six-digit code of the authenticator app, or a backup code (10 Crockford characters, hyphens ignored). */
export const SecondFactorCode = Type.String({ minLength: 6, maxLength: 16 })

/** Every object schema refuses unknown fields. */
export const Exact = <P extends Parameters<typeof Type.Object>[0]>(properties: P) =>
  Type.Object(properties, { additionalProperties: false })
