/** Credentials of usual size for the gateway: a JWT of an issuer in this process, and an API key. Each is checked once and then believed. */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { Effect, Exit, Scope } from "effect"
import type { Gateway } from "../../test/kit/gateway.ts"
import { issuerAt } from "../../test/kit/issuer.ts"

/** What issuers put in beside: with it a token has about 900 characters. */
const claims = {
  name: "Ada Lovelace",
  email: "ada@example.com",
  groups: ["engineering", "reading", "writing", "everybody", "calculating"].map((group) => `https://id.example.com/groups/${group}`)
}

export const credentials = async () => {
  const scope = Scope.makeUnsafe()
  const { issuer, mint } = await Effect.runPromise(Scope.provide(issuerAt(), scope))
  const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` })
  return {
    signIn: { master_oauth: { provider: "oidc", issuer } },
    token: async (audience: string) => bearer(await mint({ claims: { ...claims, aud: audience, exp: Math.floor(Date.now() / 1000) + 3600 } })),
    key: async ({ manifest }: Gateway) => {
      const { stdout } = await promisify(execFile)("node", ["dist/manifold.mjs", "keys", "create", "--name", "bench", "--json", "--manifest", manifest])
      return bearer(String(JSON.parse(stdout).key))
    },
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
