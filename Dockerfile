# One image for every process: the command chooses API (the default), consumer, migrate, keys-rotate or make-secrets.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages/client/package.json packages/client/
COPY packages/explorer/package.json packages/explorer/
COPY packages/participant/package.json packages/participant/
COPY examples/web/package.json examples/web/
# The compiler's platform binary is an optional dependency, so none is left out here.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm run build:explorer

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages/client/package.json packages/client/
COPY packages/explorer/package.json packages/explorer/
COPY packages/participant/package.json packages/participant/
COPY examples/web/package.json examples/web/
# The optional ones bring Node.js 24 to older machines. bcrypt has its binary in its package.
RUN npm ci --ignore-scripts --no-audit --no-fund --omit=dev --omit=optional

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000
WORKDIR /app
# A new volume takes over owner and mode of the folder that it is mounted on.
RUN install -d -o node -g node -m 711 /secrets && install -d -o node -g node -m 700 /ledger
COPY package.json ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
USER node
EXPOSE 4000
CMD ["node", "--enable-source-maps", "dist/src/main.js"]
