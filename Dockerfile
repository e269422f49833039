# Rollcall and its reference servers in one image; docker-compose.yml says which of them a container runs.
# On a machine without an image registry give a base of your own: --build-arg BASE=…. It needs Node 24 and a shell.
ARG BASE=node:24.21.0-bookworm-slim
FROM ${BASE}
WORKDIR /rollcall
ENV NODE_ENV=production NODE_NO_WARNINGS=1

# A base that brings the dependencies along is taken at its word.
COPY package.json package-lock.json ./
RUN [ -d node_modules ] || npm ci --omit=dev --ignore-scripts

# Optional pieces that this image needs, of `pds` and `jazz`.
ARG OPTIONAL=""
COPY optional optional
RUN for piece in $OPTIONAL; do [ -d "optional/$piece/node_modules" ] || npm install --no-save --prefix "optional/$piece"; done

COPY . .
RUN mkdir -p /data .rollcall rollcall-report && chown -R node:node /data .rollcall rollcall-report
USER node
ENTRYPOINT ["node", "bin/rollcall.js"]
