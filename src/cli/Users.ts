/** `manifold users forget`: nothing of a user who has left stays behind in a running gateway. */
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { FORGET_PATH, ForgottenUser } from "../admin/UserRoutes.ts"
import { json } from "./Json.ts"
import { ask, orNoGateway, url, urlOr } from "./Running.ts"
import { failed, Stopped } from "./Stopped.ts"

const forget = Command.make("forget", {
  subject: Argument.String("subject").pipe(Argument.withDescription("Who, as the issuer names them (the sub of their tokens)")),
  issuer: Flag.String("issuer").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription("Whose user it is; without it, of the issuer that signs users in"),
    Flag.optional
  ),
  json,
  url
}, Effect.fnUntraced(function*({ issuer, json, subject, url }) {
  const body = { subject, ...Option.match(issuer, { onNone: () => ({}), onSome: (given) => ({ issuer: given }) }) }
  const { value } = yield* ask(urlOr(url), FORGET_PATH, ForgottenUser, body)
  yield* Console.log(json ? JSON.stringify(value, null, 2) : sayForgotten(value))
  if (value.problems.length > 0) return yield* new Stopped({ code: failed })
}, orNoGateway)).pipe(
    Command.withDescription(
      "Take back all that a user granted, at the servers' own authorization servers too, and end their clients' tokens and their browsers' sessions. Their sign-in at the issuer is the issuer's: take that away first. Exit code 1 when something could not be forgotten"
    ),
    Command.withShortDescription("Forget a user who has left"),
    Command.withExamples([{ command: "manifold users forget ada --url http://127.0.0.1:8080", description: "A user of the issuer that signs users in" }])
  )

const sayForgotten = ({ issuer, kept, problems, subject }: typeof ForgottenUser.Type): string => [
  `${subject} of ${issuer} is forgotten:`,
  ...Object.entries(kept).map(([what, count]) => `  ${String(count).padStart(4)}  ${what}`),
  ...problems.map((problem) => `  not forgotten: ${problem}`)
].join("\n")

export const users = Command.make("users").pipe(
  Command.withDescription("Forget users who have left"),
  Command.withSubcommands([forget])
)
