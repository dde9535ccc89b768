export { checkForgery } from './origins.ts'
export { type Caller, originHeadersOf } from './admission.ts'
export type { BytesAnswer } from './answers.ts'
export {
  bind,
  bindStream,
  bindUpgrade,
  type Handler,
  type HandlerInput,
  type RequestFacts,
  type ResponseFacts,
  type Upgrade,
} from './bind.ts'
export { addWebApp, appPaths } from './web-app.ts'
export { problemBody, problemFrom } from './problems.ts'
export { addHealthRoutes, type ReadyCheck } from './health.ts'
export { addPlainRoute, addRawRoute, createHttp, type Http, type HttpDeps } from './http.ts'
export { addressKey, type Peer } from './client-address.ts'
export { memoryRateLimiter, type RateLimiter } from './rate-limiter.ts'
export type { RawRequest, RawRoute } from './raw-routes.ts'
export type { RouteFacts } from './routes.ts'
export { tokenFromAuthorization, tokenFromCookie } from './session-cookie.ts'
