import { Type, type Static } from 'typebox'
import { Exact, Id, Seq, Token } from './schemas.ts'

/** Path of the one socket. Control frames are JSON text; heads and pages of entries are binary (docs/formats/socket.md). */
export const socketPath = '/api/socket'
export const socketFrameLimitBytes = 16 * 1024
export const socketOpenLimit = 256

/** First frame of every client; a browser with the session cookie sends no token. Answered by `welcome`, or a problem and a close. */
export const HelloFrame = Exact({ frame: Type.Literal('hello'), token: Type.Optional(Token) })
/** Entries of `log` after `after`, then each new commit. Opening again with a newer `after` resumes. */
export const OpenFrame = Exact({ frame: Type.Literal('open'), log: Id, after: Seq })
export const CloseFrame = Exact({ frame: Type.Literal('close'), log: Id })
/** Heads of all logs that the member can read, once now and then those that changed, at most once a second. */
export const FollowFrame = Exact({ frame: Type.Literal('follow') })
export const PingFrame = Exact({ frame: Type.Literal('ping') })
export const ClientFrame = Type.Union([HelloFrame, OpenFrame, CloseFrame, FollowFrame, PingFrame])
export type ClientFrame = Static<typeof ClientFrame>

export const WelcomeFrame = Exact({ frame: Type.Literal('welcome'), session: Id })
/** A slow socket was dropped from `open` of this log back to `follow`: read the log by pages and open again. */
export const LaggedFrame = Exact({ frame: Type.Literal('lagged'), log: Id })
export const PongFrame = Exact({ frame: Type.Literal('pong') })
export const ProblemFrame = Exact({
  frame: Type.Literal('problem'),
  code: Type.String(),
  log: Type.Optional(Id),
})
export const ServerFrame = Type.Union([WelcomeFrame, LaggedFrame, PongFrame, ProblemFrame])
export type ServerFrame = Static<typeof ServerFrame>
