/** Which addresses are public. What is no ordinary address of the internet is not, also where it hides another address in itself. */
import { BlockList, isIP } from "node:net"

const subnets = (family: "ipv4" | "ipv6", ranges: ReadonlyArray<readonly [net: string, prefix: number]>): BlockList => {
  const list = new BlockList()
  for (const [net, prefix] of ranges) list.addSubnet(net, prefix, family)
  return list
}

/** The IANA registry of special-purpose addresses, and multicast. */
const specialV4 = subnets("ipv4", [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3]
])

/** All that is not in here is special: loopback, link-local, unique local, mapped, NAT64, multicast. */
const ordinaryV6 = subnets("ipv6", [["2000::", 3]])

/** Within it: protocol assignments with Teredo, documentation, 6to4. */
const specialV6 = subnets("ipv6", [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20]
])

const loopback = subnets("ipv4", [["127.0.0.0", 8]])

export const isPublic = (address: string): boolean => {
  if (isIP(address) === 4) return !specialV4.check(address, "ipv4")
  return isIP(address) === 6 && !address.includes("%") && ordinaryV6.check(address, "ipv6") && !specialV6.check(address, "ipv6")
}

export const isLoopbackAddress = (address: string): boolean =>
  isIP(address) === 4 ? loopback.check(address, "ipv4") : address === "::1"
