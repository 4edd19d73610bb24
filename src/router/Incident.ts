/** The id under which one failure is known: in the answer, in the log and in the audit. */

const known = new WeakMap<object, string>()

export const incidentOf = (failure: object): string => {
  const before = known.get(failure)
  if (before !== undefined) return before
  const incident = crypto.randomUUID().slice(0, 8)
  known.set(failure, incident)
  return incident
}
