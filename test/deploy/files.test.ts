/** The files of manifests/deploy say the same as each other, the Dockerfile and the gateway: ports, paths, variables. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { readFileSync } from "node:fs"
import { parse } from "yaml"
import { load } from "../../src/manifest/Load.ts"

const textOf = (name: string) => readFileSync(`manifests/deploy/${name}`, "utf8")
const manifest = (environment: Readonly<Record<string, string>>) =>
  Effect.map(load({ files: ["manifests/deploy/gateway.yaml"], environment, set: [] }), ({ manifest }) => manifest)

/** What the image sets for everything that runs in it. */
const inImage = Object.fromEntries(
  [.../^ENV (.+)$/mu.exec(readFileSync("Dockerfile", "utf8"))?.[1]?.matchAll(/(\w+)=(\S+)/gu) ?? []].map(([, name = "", value = ""]) => [name, value])
)

/** What we use of `CreateCompose` and `DeploymentDefinition` (api/v1/koyeb in koyeb/koyeb-api-client-go, July 2026), and nothing else. */
const Koyeb = Schema.Struct({
  app: Schema.Struct({ name: Schema.String }),
  services: Schema.Array(Schema.Struct({
    definition: Schema.Struct({
      name: Schema.String,
      type: Schema.Literals(["WEB", "WORKER"]),
      regions: Schema.Array(Schema.String),
      instance_types: Schema.Array(Schema.Struct({ type: Schema.String })),
      docker: Schema.Struct({ image: Schema.String }),
      env: Schema.Array(Schema.Struct({ key: Schema.String, value: Schema.optionalKey(Schema.String), secret: Schema.optionalKey(Schema.String) })),
      ports: Schema.Array(Schema.Struct({ port: Schema.Int, protocol: Schema.Literals(["http", "http2", "tcp"]) })),
      routes: Schema.Array(Schema.Struct({ port: Schema.Int, path: Schema.String })),
      health_checks: Schema.Array(Schema.Struct({
        grace_period: Schema.Int,
        interval: Schema.Int,
        timeout: Schema.Int,
        restart_limit: Schema.Int,
        http: Schema.Struct({ port: Schema.Int, path: Schema.String, method: Schema.String })
      })),
      volumes: Schema.Array(Schema.Struct({ id: Schema.String, path: Schema.String })),
      scalings: Schema.Array(Schema.Struct({ min: Schema.Int, max: Schema.Int }))
    })
  }))
})

/** As `koyeb compose` reads it: variables of the shell are put in before it is parsed. */
const koyeb = (environment: Readonly<Record<string, string>>) =>
  Schema.decodeUnknownSync(Koyeb, { onExcessProperty: "error" })(parse(textOf("koyeb.yaml").replaceAll(/\$\{(\w+)\}/gu, (_, name: string) => environment[name] ?? "")))

describe("manifests/deploy/gateway.yaml", () => {
  it.effect("listens at the port and says the address that the environment names, else at 8080 of loopback", () =>
    Effect.gen(function*() {
      const { hosting } = yield* manifest({})
      assert.deepStrictEqual([hosting.port, hosting.base_url], [8080, "http://127.0.0.1:8080"])
      const there = yield* manifest({ PORT: "8000", GATEWAY_URL: "https://gw.example.com" })
      assert.deepStrictEqual([there.hosting.port, there.hosting.base_url], [8000, "https://gw.example.com"])
      assert.deepStrictEqual(there.servers.map(({ id, type }) => `${id} ${type}`), ["memory npm", "time pypi"])
      assert.isTrue(there.api_keys, "it listens for everybody, so it asks who calls")
    }).pipe(Effect.provide(NodeServices.layer)))
})

describe("manifests/deploy/koyeb.yaml", () => {
  it.effect("has one port in all places, waits for the servers that are required, and keeps one instance for its volume", () =>
    Effect.gen(function*() {
      const [{ definition } = { definition: undefined }] = koyeb({ MANIFOLD_IMAGE: "registry.example.com/team/manifold:1", VOLUME_ID: "v-1" }).services
      if (definition === undefined) return assert.fail("it has no service")
      const value = Object.fromEntries(definition.env.map(({ key, value }) => [key, value ?? ""]))
      const ports = [...definition.ports, ...definition.routes, ...definition.health_checks.map(({ http }) => http)].map(({ port }) => String(port))
      assert.deepStrictEqual([...new Set(ports)], [value["PORT"]])
      assert.deepStrictEqual(definition.health_checks.map(({ http }) => http.path), ["/health/ready"])
      assert.deepStrictEqual(definition.scalings, [{ min: 1, max: 1 }])

      const domain = (value["GATEWAY_URL"] ?? "").replace("{{ KOYEB_PUBLIC_DOMAIN }}", "gate-team.koyeb.app")
      const { hosting } = yield* manifest({ ...inImage, ...value, GATEWAY_URL: domain })
      assert.deepStrictEqual([hosting.host, hosting.port, hosting.base_url], ["0.0.0.0", 8000, "https://gate-team.koyeb.app"])
      assert.deepStrictEqual(definition.volumes, [{ id: "v-1", path: hosting.data_directory }])
      assert.deepStrictEqual(definition.env.filter(({ secret }) => secret !== undefined).map(({ key }) => key), ["MANIFOLD_VAULT_KEY"])
    }).pipe(Effect.provide(NodeServices.layer)))
})

describe("manifests/deploy/compose.yaml", () => {
  it.effect("gives the container its volume and its secret, and no way to write elsewhere or to more rights", () =>
    Effect.gen(function*() {
      const { secrets, services: { gateway }, volumes } = parse(textOf("compose.yaml"))
      const { hosting } = yield* manifest(inImage)
      assert.deepInclude(gateway, { read_only: true, tmpfs: ["/tmp"], cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] })
      assert.deepStrictEqual(gateway.volumes, ["./gateway.yaml:/etc/manifold/manifold.yaml:ro", `data:${hosting.data_directory}`])
      assert.deepStrictEqual([Object.keys(volumes), gateway.secrets, Object.keys(secrets)], [["data"], ["vault_key"], ["vault_key"]])
      assert.strictEqual(gateway.environment.MANIFOLD__HOSTING__VAULT__KEY_FILE, "/run/secrets/vault_key")
      assert.include(gateway.healthcheck.test.join(" "), "/health/ready")
      for (const ignored of [".gitignore", ".dockerignore"]) assert.include(readFileSync(ignored, "utf8").split("\n"), secrets.vault_key.file.replace("./", "manifests/deploy/"))
      const dockerfile = readFileSync("Dockerfile", "utf8")
      for (const line of [`VOLUME ${hosting.data_directory}`, `EXPOSE ${hosting.port}`]) assert.include(dockerfile, line)
    }).pipe(Effect.provide(NodeServices.layer)))
})
