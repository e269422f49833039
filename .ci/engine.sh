#!/usr/bin/env bash
# A container engine for this machine: Debian's, when there is none and we may install it. Ends with 0 when one answers.
#
#   .ci/engine.sh && . .ci/images.env     then: npm run containers
#
# What it starts belongs to the machine and stays. On a machine with an engine of its own it installs nothing.
set -uo pipefail
cd "$(dirname "$0")/.."

say() { echo "containers: $*"; }
answers() { docker info >/dev/null 2>&1; }

if ! answers; then
  if ! command -v dockerd >/dev/null || ! command -v docker-compose >/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
      say "no engine, and none can be installed without root and apt-get"
      exit 1
    fi
    say "installing Debian's engine"
    (apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends docker.io iptables docker-compose busybox-static) >/dev/null 2>&1 || {
      say "Debian's engine could not be installed"
      exit 1
    }
  fi
  say "starting the engine"
  # Published ports on loopback, packets small enough for networks inside others.
  setsid nohup dockerd -H unix:///var/run/docker.sock --ip 127.0.0.1 --mtu 1400 >/tmp/dockerd.log 2>&1 &
  for _ in $(seq 60); do
    answers && break
    sleep 1
  done
  answers || {
    say "the engine does not start; its last words:"
    tail -5 /tmp/dockerd.log
    exit 1
  }
fi

# With a registry in reach the images of docker-compose.yml are as good as any.
: >.ci/images.env
if timeout 60 docker pull --quiet redis:7.4.2-alpine >/dev/null 2>&1; then
  say "images come from the registry"
else
  say "no image registry in reach: base images are built from what is here"
  .ci/images.sh 2>/tmp/images.log | sed 's/^/export /' >.ci/images.env || {
    say "the base images could not be built; the last words:"
    tail -5 /tmp/images.log
    exit 1
  }
fi
