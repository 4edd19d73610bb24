/** Environment variables that change how programs load code, or which program a name means. */
export const changesLoading = (name: string): boolean =>
  /^(?:PATH|NODE_OPTIONS|NODE_PATH|LD_.*|DYLD_.*|BASH_ENV|ENV|SHELLOPTS|BASHOPTS|IFS|GIT_.*|PYTHON.*|PERL5?(?:OPT|LIB).*|RUBY(?:OPT|LIB)|JAVA_TOOL_OPTIONS|npm_config_.*)$/iu.test(name)
