#!/usr/bin/env bash
# Tells Sentry of a release: that it exists, which commits are in it, its source maps where there are any, and that it
# is out. `make release` runs it; GIT_SHA must be what the API runs with.
#
#   GIT_SHA              the release (the commit that is checked out)
#   SENTRY_AUTH_TOKEN    SENTRY_ORG    SENTRY_PROJECT    SENTRY_URL      as sentry-cli has them
#   STATIC               the folder of static files (services/api/static)
#   STATIC_URL           where they are served (https://api.example.com/static)
set -euo pipefail
cd "$(dirname "$0")/../../.."

for name in SENTRY_AUTH_TOKEN SENTRY_ORG SENTRY_PROJECT; do
  if [ -z "${!name:-}" ]; then
    echo "$name is not set; sentry-cli needs it" >&2
    exit 2
  fi
done
if ! command -v sentry-cli > /dev/null; then
  echo "sentry-cli is not on the PATH; pip install sentry-cli, or see https://docs.sentry.io/cli/installation/" >&2
  exit 2
fi

GIT_SHA=${GIT_SHA:-$(git rev-parse HEAD)}
STATIC=${STATIC:-services/api/static}
STATIC_URL=${STATIC_URL:-https://api.example.com/static}

sentry-cli releases new "$GIT_SHA"
sentry-cli releases set-commits "$GIT_SHA" --auto --ignore-missing
if [ -d "$STATIC" ] && [ -n "$(find "$STATIC" -name '*.map' -print -quit)" ]; then
  sentry-cli sourcemaps upload --release "$GIT_SHA" --url-prefix "$STATIC_URL" "$STATIC"
else
  echo "no source maps under $STATIC"
fi
sentry-cli releases finalize "$GIT_SHA"
