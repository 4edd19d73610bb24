import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import { asClient, methodAmong } from "../../../plugins/providers/oidc/ClientProof.ts"

const client = { id: "desk", secret: Redacted.make("hunter2") }

describe("how the gateway shows an authorization server who it is", () => {
  it("is HTTP Basic where the server takes that or does not say, and else what it takes", () => {
    const chosen = [undefined, ["none", "client_secret_post", "client_secret_basic"], ["client_secret_post"], ["private_key_jwt", "none"], ["tls_client_auth"]].map(methodAmong)
    assert.deepStrictEqual(chosen, ["client_secret_basic", "client_secret_basic", "client_secret_post", "none", "client_secret_basic"])
  })

  it("never shows the secret twice, nor to a server that takes none", () => {
    assert.deepStrictEqual(asClient(client, ["client_secret_basic"]), { form: {}, as: { _tag: "Client", ...client } })
    assert.deepStrictEqual(asClient(client, ["client_secret_post"]), { form: { client_id: "desk", client_secret: client.secret } })
    assert.deepStrictEqual(asClient(client, ["none"]), { form: { client_id: "desk" } })
    assert.deepStrictEqual(asClient({ id: "desk", secret: undefined }), { form: { client_id: "desk" } })
  })
})
