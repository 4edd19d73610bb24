/** One request to a backend, within the time that its server has for it. */
import { Effect } from "effect"
import { BackendFailed, backendFailed } from "../backend/BackendFailed.ts"
import type { Connection, Reply } from "../backend/Connection.ts"
import type { Call } from "../backend/Era.ts"
import type { Served } from "../catalogue/Catalogue.ts"
import { deadline } from "./Deadline.ts"
import type { Caller } from "./Request.ts"

/** Sends the call and waits; interruption and the deadline cancel it at the backend. */
export const waiting = (connection: Connection, call: Call, { listener }: Caller, server: Served) =>
  Effect.callback<Reply, BackendFailed>((resume) => {
    const limit = deadline(server.timeout, () => {
      stop()
      resume(Effect.fail(
        new BackendFailed({ backend: server.id, reason: "timed_out", detail: `did not answer within ${server.timeout} ms` })
      ))
    })
    const { ask } = listener
    const cancel = connection.call(call, {
      notify: (text) => {
        limit.renew()
        listener.notify(text)
      },
      log: listener.log,
      ...(listener.paused === undefined ? {} : { paused: listener.paused }),
      ...(ask === undefined ? {} : {
        ask: (question) => {
          limit.hold()
          ask({
            ...question,
            answer: (member) => {
              limit.renew()
              question.answer(member)
            }
          })
        }
      }),
      done: (answer) => {
        limit.end()
        resume(answer.kind === "failed" ? backendFailed(server.id, answer.failure) : Effect.succeed(answer))
      }
    })
    const stop = () => {
      limit.end()
      cancel()
    }
    return Effect.sync(stop)
  })
