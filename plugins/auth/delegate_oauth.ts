/** Each user consents at the backend's own authorization server when a call needs it; their tokens lie in the vault. */
import { Plugin } from "#plugin"
import { grants } from "./granted/Grants.ts"
import { GrantSettings } from "./granted/Settings.ts"

export default Plugin.define("auth", {
  name: "delegate_oauth",
  summary: "Sends the caller's own token for the backend, which the caller consents to at the backend's authorization server",
  config: GrantSettings,
  build: (config) => grants(config, "asked")
})
