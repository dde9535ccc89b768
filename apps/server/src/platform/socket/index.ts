export { type SocketLimits, standardSocketLimits } from './limits.ts'
export { addSocket, type SocketDeps, type SocketServer } from './socket.ts'
export { ByteSocket, type ByteSocketOptions, upgradeAnswer } from './byte-socket.ts'
