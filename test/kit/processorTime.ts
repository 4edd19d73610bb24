/** Processor time of this thread, in milliseconds: what else the machine is busy with does not count. */
export const processorMillis = (run: () => void): number => {
  const before = process.threadCpuUsage()
  run()
  const { system, user } = process.threadCpuUsage(before)
  return (system + user) / 1000
}
