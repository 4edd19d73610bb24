/** Which `notifications/message` a client wants to hear (server/utilities/logging). */
import { LEVELS } from "../backend/LogLevels.ts"
import { isRecord } from "../lib/Record.ts"

export const isLevel = (level: unknown): level is string => typeof level === "string" && LEVELS.includes(level)

/** Whether a log notification is at least as severe as `least`. */
export const reaches = (notification: string, least: string): boolean => {
  const parsed: unknown = JSON.parse(notification)
  const params = isRecord(parsed) ? parsed["params"] : undefined
  const level = isRecord(params) ? params["level"] : undefined
  return typeof level === "string" && LEVELS.indexOf(level) >= LEVELS.indexOf(least)
}
