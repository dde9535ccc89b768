export { type App, type AppOverrides, createApp } from './app.ts'
export { loadConfig } from './config/load.ts'
export { main } from './main.ts'
