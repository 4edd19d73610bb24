/** The plugins that come with Manifold on Node; a literal list, so that one bundle holds them all. */
import type { Plugin } from "#plugin"
import bypassAuth from "./auth/bypass_auth.ts"
import delegateOauth from "./auth/delegate_oauth.ts"
import proxyOauth from "./auth/proxy_oauth.ts"
import masterOauth from "./auth/master_oauth.ts"
import docker from "./loaders/docker.ts"
import git from "./loaders/git.ts"
import local from "./loaders/local.ts"
import npm from "./loaders/npm.ts"
import pypi from "./loaders/pypi.ts"
import remote from "./loaders/remote.ts"
import gateway from "./providers/gateway.ts"
import github from "./providers/github.ts"
import google from "./providers/google.ts"
import oidc from "./providers/oidc.ts"

export const builtIn: ReadonlyArray<Plugin.BuiltIn> = [npm, git, pypi, docker, local, remote, bypassAuth, masterOauth, delegateOauth, proxyOauth, oidc, github, google, gateway]
