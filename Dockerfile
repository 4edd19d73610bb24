# The gateway in one image: the one-file bundle, and what its loaders need (Node and npm, Python with venv, git, ssh).
# docker build --tag manifold .
# docker run --publish 127.0.0.1:8080:8080 --volume ./manifold.yaml:/etc/manifold/manifold.yaml:ro --volume manifold:/data manifold
# A manifest in it needs sign-in (master_oauth or api_keys), because the gateway listens on all addresses of the container.

# Pin it by digest where you build: --build-arg NODE=node:24-bookworm-slim@sha256:...
ARG NODE=node:24-bookworm-slim

FROM ${NODE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
# Of what development needs esbuild alone, made a dependency here; its program comes without a script. All as package-lock.json has it.
RUN npm install --omit=dev --save-prod --save-exact --ignore-scripts --no-audit --no-fund \
  "esbuild@$(node --print "require('./package.json').devDependencies.esbuild")"
COPY . .
RUN node esbuild.config.mjs

FROM ${NODE}
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates git openssh-client python3 python3-venv tini \
  && rm -rf /var/lib/apt/lists/*
COPY --from=build /build/dist/manifold.mjs /opt/manifold/manifold.mjs
RUN ln -s /opt/manifold/manifold.mjs /usr/local/bin/manifold \
  && install --directory --owner=65532 --group=65532 --mode=0700 /data && install --directory /etc/manifold
USER 65532:65532
# Whatever is run here, also `manifold keys` in it, has its data on the volume, and serve listens beyond the container.
ENV HOME=/data NODE_ENV=production MANIFOLD__HOSTING__DATA_DIRECTORY=/data MANIFOLD__HOSTING__HOST=0.0.0.0
VOLUME /data
EXPOSE 8080
# PORT, as platforms set it, wins over the manifest.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# tini ends what a server leaves behind when its parent is gone.
ENTRYPOINT ["tini", "--", "manifold"]
CMD ["serve", "--manifest", "/etc/manifold/manifold.yaml"]
