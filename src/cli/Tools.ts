/** `manifold tools list` and `manifold tools call`: a client for people and scripts. */
import { Console, Duration, Effect, Stdio, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { DurationText } from "../manifest/Fields.ts"
import { type CallToolResult, connect } from "./Client.ts"
import { argumentsOf } from "./JsonArgument.ts"
import { oneLine, width } from "./Layout.ts"
import { endpointOf, url, urlOr } from "./Running.ts"
import { failed, stop, Stopped, unavailable } from "./Stopped.ts"
import { sayResult, sayTools, sayUnknown } from "./ToolText.ts"

const json = (description: string) => Flag.Boolean("json").pipe(Flag.withDescription(description), Flag.withDefault(false))

const list = Command.make("list", { url, json: json("Print the tools as JSON, definitions included") }, Effect.fnUntraced(
  function*(input) {
    const client = yield* connect(endpointOf(urlOr(input.url)))
    const tools = yield* client.tools
    yield* Console.log(input.json ? JSON.stringify({ tools }, null, 2) : sayTools(tools, width()))
  },
  Effect.scoped,
  (effect) =>
    Effect.catchTags(effect, {
      CallFailed: ({ message }) => stop(failed, message),
      NoGateway: ({ message }) => stop(unavailable, message)
    })
)).pipe(
  Command.withDescription("List the tools of a running gateway: name, arguments (? may be left out), what it does"),
  Command.withShortDescription("List the tools of a running gateway"),
  Command.withExamples([
    { command: "manifold tools list", description: "All tools of the gateway at http://127.0.0.1:8080" },
    { command: "manifold tools list --json | jq -r '.tools[].name'", description: "Their names, for a script" }
  ])
)

/** What was typed, or standard input for `-`. */
const textOf = Effect.fnUntraced(function*(given: string) {
  if (given !== "-") return given
  const { stdin } = yield* Stdio.Stdio
  return yield* Stream.mkString(Stream.decodeText(stdin))
}, Effect.orDie)

const call = Command.make("call", {
  name: Argument.String("name").pipe(Argument.withDescription("Name of the tool, as `manifold tools list` shows it")),
  given: Argument.String("json").pipe(
    Argument.withDescription("Its arguments as a JSON object; - reads them from standard input"),
    Argument.withDefault("{}")
  ),
  url,
  json: json("Print the whole result as JSON"),
  timeout: Flag.String("timeout").pipe(
    Flag.withMetavar("TIME"),
    Flag.withDescription("How long to wait for the answer or the next progress, such as 90s"),
    Flag.withSchema(DurationText),
    Flag.withDefault(Duration.seconds(60))
  )
}, Effect.fnUntraced(
  function*(input) {
    const given = yield* Effect.flatMap(textOf(input.given), argumentsOf)
    const client = yield* connect(endpointOf(urlOr(input.url)))
    const tools = yield* client.tools
    if (!tools.some(({ name }) => name === input.name)) return yield* stop(failed, sayUnknown(input.name, tools))
    const result = yield* client.call({
      name: input.name,
      given,
      timeout: Duration.toMillis(input.timeout),
      progress: ({ message, progress, total }) =>
        void process.stderr.write(`progress ${progress}${total === undefined ? "" : ` of ${total}`}${message === undefined ? "" : `: ${oneLine(message)}`}\n`)
    })
    yield* say(result, input.json)
    if (result.isError === true) return yield* new Stopped({ code: failed })
  },
  Effect.scoped,
  (effect) =>
    Effect.catchTags(effect, {
      ArgumentWrong: ({ message }) => stop(failed, message),
      CallFailed: ({ message }) => stop(failed, message),
      NoGateway: ({ message }) => stop(unavailable, message)
    })
)).pipe(
  Command.withDescription(
    "Call one tool. The answer goes to standard output, progress to standard error; " +
      "exit code 1 when the tool fails, does not exist or does not answer in time, 69 when no gateway answers"
  ),
  Command.withShortDescription("Call one tool"),
  Command.withExamples([
    { command: "manifold tools call everything__echo '{\"message\": \"hello\"}'", description: "Call a tool" },
    { command: "echo '{\"message\": \"hello\"}' | manifold tools call everything__echo - --json", description: "From and for a script" }
  ])
)

/** A failed tool's answer is for standard error, unless it is asked for as JSON. */
const say = (result: CallToolResult, json: boolean) => {
  if (json) return Console.log(JSON.stringify(result, null, 2))
  return result.isError === true ? Console.error(sayResult(result)) : Console.log(sayResult(result))
}

export const tools = Command.make("tools").pipe(
  Command.withDescription("Use the tools of a running gateway from a terminal or a script"),
  Command.withSubcommands([list, call])
)
