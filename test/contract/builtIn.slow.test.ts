/** The contract suites on everything that comes with Manifold. */
import { temporaryHost } from "../kit/pluginHost.ts"
import { authContract } from "./auth.ts"
import { loaderContract } from "./loader.ts"

loaderContract({
  name: "npm",
  host: temporaryHost,
  good: { package: "@modelcontextprotocol/server-memory", version: "2026.8.31" },
  bad: [
    { config: {}, at: "package" },
    { config: { package: "left-pad" }, at: "version" },
    { config: { package: "left-pad", version: "^1.0.0" }, at: "version" },
    { config: { package: "left-pad", version: "latest" }, at: "version" },
    { config: { package: "left-pad", version: "--registry=http://evil" }, at: "version" },
    { config: { package: "--global", version: "1.0.0" }, at: "package" },
    { config: { package: "../../etc", version: "1.0.0" }, at: "package" },
    { config: { package: "file:///etc", version: "1.0.0" }, at: "package" },
    { config: { package: "left-pad", version: "1.0.0", registry: "http://evil.example.com" }, at: "registry" },
    { config: { package: "left-pad", version: "1.0.0", registry: "https://me:word@npm.example.com" }, at: "registry" },
    { config: { package: "left-pad", version: "1.0.0", allow_scripts: ["esbuild"] }, at: "allow_scripts" },
    { config: { package: "left-pad", version: "1.0.0", versoin: "2.0.0" }, at: "versoin" }
  ]
})

loaderContract({
  name: "local",
  host: temporaryHost,
  good: { command: "node" },
  bad: [
    { config: {}, at: "" },
    { config: { path: "" }, at: "path" },
    { config: { path: "./a", watch: true }, at: "watch" },
    { config: { path: "./a", install: true }, at: "install" },
    { config: { path: "./a", pin: true }, at: "pin" },
    { config: { path: "./a", build: ["npm", "run", "build"] }, at: "build" }
  ]
})

loaderContract({
  name: "remote",
  host: temporaryHost,
  good: { url: "https://mcp.example.com/mcp" },
  bad: [
    { config: {}, at: "url" },
    { config: { url: "mcp.example.com" }, at: "url" },
    { config: { url: "http://mcp.example.com/mcp" }, at: "url" },
    { config: { url: "file:///etc/passwd" }, at: "url" },
    { config: { url: "ws://mcp.example.com/mcp" }, at: "url" },
    { config: { url: "wss://mcp.example.com/mcp", transport: "sse" }, at: "transport" },
    { config: { url: "https://me:word@mcp.example.com/mcp" }, at: "url" },
    { config: { url: "https://mcp.example.com/mcp", transport: "websocket" }, at: "transport" }
  ]
})

authContract({ name: "bypass_auth", host: temporaryHost, good: {}, bad: [{ config: { header: "x" }, at: "header" }] })
