/** Containers, for loaders that run one: the names of images, what an engine is asked, and the one command line that is made for it. */
export { imageOf, ImageName, isExact, type Image } from "../lib/ImageName.ts"
export { NAME, OF_THE_CLIENT, removeArguments, type Run, runArguments } from "./container/Arguments.ts"
export { type Engine, exactly, present } from "./container/Engine.ts"
export { type Mount, mountArguments, placeOf, Volume, volumesOf } from "./container/Places.ts"
