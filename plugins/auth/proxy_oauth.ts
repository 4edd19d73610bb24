/** Consent at the backend's authorization server is a part of the client's own authorization, which the gateway gives. */
import { Plugin } from "#plugin"
import { grants } from "./granted/Grants.ts"
import { GrantSettings } from "./granted/Settings.ts"

export default Plugin.define("auth", {
  name: "proxy_oauth",
  summary: "Sends the caller's own token for the backend, which the caller consents to while their client signs in at the gateway",
  config: GrantSettings,
  build: (config) => grants(config, "authorized")
})
