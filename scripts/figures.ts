/** `npm run figures [-- --json]`: what sessions, parked calls, listens and servers that nobody uses cost in a gateway process, measured here and now. */
import { parseArgs } from "node:util"
import { sessions } from "./figures/sessions.ts"
import { servers } from "./figures/servers.ts"
import { listens, parked } from "./figures/waiting.ts"

const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } })

const figures = {
  sessions: [await sessions(1000, false), await sessions(1000, true)],
  parked: [await parked(100)],
  listens: [await listens(1000)],
  servers: [await servers(100, "60 seconds")]
}

if (values.json) console.log(JSON.stringify(figures, null, 2))
else {
  for (const table of Object.values(figures)) console.table(table)
}
