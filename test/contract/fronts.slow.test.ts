/** Every way into the gateway keeps the same promises. */
import { ways } from "../kit/peers.ts"
import { frontContract } from "./front.ts"

for (const way of ways) frontContract(way)
