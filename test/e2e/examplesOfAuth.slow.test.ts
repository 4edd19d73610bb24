/** The shipped manifests about sign-in run as they are: only their environment leads to servers of the test. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { authorizationServer } from "../kit/authorizationServer.ts"
import { userBrowser } from "../kit/browser.ts"
import { until } from "../kit/calls.ts"
import { linkIn } from "../kit/consenting.ts"
import { freePort } from "../kit/everything.ts"
import { temporaryDirectory } from "../kit/gateway.ts"
import { MAIN } from "../kit/main.ts"
import { signedInClient } from "../kit/mcpClient.ts"
import { start } from "../kit/process.ts"
import { resourceServer } from "../kit/resourceServer.ts"
import { keyTextOf, manifold } from "../kit/verbs.ts"
import { modernCall, post, type Reply, textOf } from "../kit/wire.ts"

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
const BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

const client = (client_id: string, path: string, ...more: ReadonlyArray<string>) => ({
  client_id,
  client_secret: `${client_id}-secret`,
  application_type: "native" as const,
  redirect_uris: [`http://127.0.0.1${path}`],
  grant_types: ["authorization_code", "refresh_token", ...more]
})

/** The shipped file, checked and served with this environment. */
const served = Effect.fnUntraced(function*(file: string, environment: Readonly<Record<string, string>>, port: number) {
  const path = join("manifests/examples", file)
  const checked = yield* manifold(["check", path], { environment })
  assert.strictEqual(checked.code, 0, checked.err)
  const serve = ["serve", "--manifest", path, "--port", String(port)]
  const gate = yield* Effect.acquireRelease(
    Effect.promise(() => start({ command: ["node", MAIN, ...serve], listening: /^listening on (http:\/\/\S+)\n/u, environment })),
    ({ stop }) => Effect.promise(stop)
  )
  const asked = (headers: Readonly<Record<string, string>>, name: string, args?: string): Promise<Reply> => {
    const { body, headers: own } = modernCall(name, args)
    return post(gate.url, body, { ...own, ...headers })
  }
  const call = (token: string, name: string, args?: string) => asked({ authorization: `Bearer ${token}` }, name, args)
  /** Who the backend says that it was called by. */
  const who = async (token: string, name: string) => JSON.parse(textOf(await until(() => call(token, name), (reply) => reply.message?.result !== undefined && reply.text.includes("sub"))))
  return { ...gate, path, asked, call, who }
})

/** A folder for what a gateway keeps, which its manifest would keep beside itself. */
const folder = Effect.acquireRelease(
  Effect.sync(() => temporaryDirectory("manifold-auth-example-")),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

describe("manifests/examples/mixed-auth.yaml", () => {
  it.live("serves each kind of server with the credential it says, to a user who signed in once", () =>
    Effect.gen(function*() {
      const home = yield* authorizationServer({ more: { clients: [client("gate", "/oauth/callback", "client_credentials", EXCHANGE)] } })
      const issuesAt = yield* authorizationServer({ more: { clients: [client("at-issues", "/oauth/callback/issues")] } })
      const calendarAt = yield* authorizationServer({ more: { clients: [client("at-calendar", "/oauth/callback/calendar")] } })
      const [orders, issues, calendar] = [yield* resourceServer(home.issuer), yield* resourceServer(issuesAt.issuer), yield* resourceServer(calendarAt.issuer)]
      const environment = {
        MANIFOLD__HOSTING__DATA_DIRECTORY: yield* folder,
        ISSUER: home.issuer,
        GATEWAY_CLIENT_ID: "gate",
        GATEWAY_CLIENT_SECRET: "gate-secret",
        ORDERS_URL: orders.url,
        ISSUES_URL: issues.url,
        ISSUES_ISSUER: issuesAt.issuer,
        ISSUES_CLIENT_ID: "at-issues",
        ISSUES_CLIENT_SECRET: "at-issues-secret",
        CALENDAR_URL: calendar.url,
        CALENDAR_ISSUER: calendarAt.issuer,
        CALENDAR_CLIENT_ID: "at-calendar",
        CALENDAR_CLIENT_SECRET: "at-calendar-secret"
      }
      const { asked, call, path, stderr, url, who } = yield* served("mixed-auth.yaml", environment, 0)
      const { access_token: ada } = yield* home.forUser("ada", { audience: url })
      const made = yield* manifold(["keys", "create", "--name", "ci", "--scopes", "mcp", "--json", "-m", path], { environment })
      const key = { "x-api-key": String(JSON.parse(made.out).key) }
      const desk = `${new URL(url).origin}/servers/calendar/mcp`
      const browser = userBrowser("ada")
      yield* Effect.promise(async () => {
        assert.strictEqual(textOf(await until(() => call(ada, "hello__greet", `{"name":"Ada"}`), ({ text }) => text.includes("Ada"))), "Hello, Ada!")
        assert.deepInclude(await who(ada, "orders__who"), { sub: "ada", client: "gate", act: { sub: "gate" } })

        const page = await browser.open(linkIn(await until(async () => (await call(ada, "issues__who")).text, (text) => text.includes("/oauth/connect"))))
        assert.include(page.html, "is connected", stderr().slice(-2000))
        assert.deepInclude(await who(ada, "issues__who"), { sub: "ada", client: "at-issues" })

        const signed = await signedInClient({ url: desk, era: "modern", browser, clientId: "desk" })
        await signed.client.close()
        assert.deepInclude(await who(ada, "calendar__who"), { sub: "ada", client: "at-calendar" })

        assert.include((await until(() => asked(key, "hello__greet", `{"name":"CI"}`), ({ status }) => status === 200)).text, "Hello, CI!")
        assert.include((await asked(key, "orders__who")).text, "did not sign in with a token")
        assert.include((await asked(key, "issues__who")).text, "a machine has none")
        assert.strictEqual((await asked({}, "hello__greet")).status, 401)
        for (const { seen } of [orders, issues, calendar]) assert.notInclude(seen().join("\n"), ada.slice(-40), "the caller's own token goes nowhere")
      })
    }).pipe(Effect.scoped), 120_000)
})

describe("manifests/examples/enterprise.yaml", () => {
  it.live("tells each server who calls, shows it to those whom the rules allow, and keeps a record", () =>
    Effect.gen(function*() {
      const users: Readonly<Record<string, object>> = {
        ada: { groups: ["staff"], tenant: "acme" },
        bob: { groups: ["staff"], tenant: "initech" },
        eve: { groups: ["auditors"], tenant: "acme" }
      }
      const port = yield* freePort
      const base = `http://127.0.0.1:${port}`
      const idp = yield* authorizationServer({ claims: (user) => ({ ...users[user] }), more: { clients: [client("gate", "/oauth/callback", EXCHANGE)] } })
      const payrollAt = yield* authorizationServer({
        trusts: idp.issuer,
        more: { clients: [{ client_id: "at-payroll", client_secret: "at-payroll-secret", redirect_uris: [], response_types: [], grant_types: [BEARER] }] }
      })
      const [payroll, reports] = [yield* resourceServer(payrollAt.issuer), yield* resourceServer(base, "modern", "/oauth/jwks")]
      const data = yield* folder
      const key = join(data, "vault.key")
      writeFileSync(key, keyTextOf(7), { mode: 0o600 })
      const environment = {
        MANIFOLD__HOSTING__DATA_DIRECTORY: join(data, "data"),
        GATEWAY_URL: base,
        VAULT_KEY_FILE: key,
        IDP_ISSUER: idp.issuer,
        IDP_CLIENT_ID: "gate",
        IDP_CLIENT_SECRET: "gate-secret",
        PAYROLL_URL: payroll.url,
        PAYROLL_ISSUER: payrollAt.issuer,
        PAYROLL_CLIENT_ID: "at-payroll",
        PAYROLL_CLIENT_SECRET: "at-payroll-secret",
        REPORTS_URL: reports.url
      }
      const { call, path, stderr, url, who } = yield* served("enterprise.yaml", environment, port)
      const [ada = "", bob = "", eve = ""] = yield* Effect.all(["ada", "bob", "eve"].map((user) => Effect.map(idp.forUser(user, { audience: url }), ({ access_token }) => access_token)))
      yield* Effect.promise(async () => {
        assert.include((await until(() => call(ada, "hello__greet", `{"name":"Ada"}`), ({ text }) => text.includes("Hello"))).text, "Hello, Ada!")
        assert.deepInclude(await who(ada, "reports__who"), { sub: "ada", scope: "read" })
        assert.strictEqual((await who(eve, "reports__who")).sub, "eve")

        const page = await userBrowser("ada").open(linkIn(await until(async () => (await call(ada, "payroll__who")).text, (text) => text.includes("/oauth/connect"))))
        assert.include(page.html, "is connected", stderr().slice(-2000))
        assert.deepInclude(await who(ada, "payroll__who"), { sub: "ada", client: "at-payroll" })

        for (const [token, name] of [[bob, "payroll__who"], [eve, "payroll__who"], [eve, "hello__greet"], [eve, "reports__write"], [ada, "payroll__write"]] as const) {
          assert.match((await call(token, name)).text, /Unknown tool/u, name)
        }
        for (const { seen } of [payroll, reports]) {
          for (const token of [ada, bob, eve]) assert.notInclude(seen().join("\n"), token.slice(-40))
        }
      })
      // Records are written twice a second.
      yield* Effect.promise(() => until(async () => (await Effect.runPromise(manifold(["audit", "verify", "-m", path], { environment }))).code, (code) => code === 0))
      const explained = yield* manifold(["access", "explain", "-m", path, "--as", "ada", "--claims", JSON.stringify(users["ada"]), "--call", "payroll__who"], { environment })
      assert.include(explained.out, "allowed: tool payroll/who")
    }).pipe(Effect.scoped), 120_000)
})
