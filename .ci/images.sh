#!/usr/bin/env bash
# Base images from what this machine has, for one that no image registry reaches: nobody else needs this.
#
#   .ci/images.sh            builds rollcall-ci/{base,redis,postgres} and prints the variables that docker-compose.yml takes
#
# They hold no distribution, only programs and the libraries that they load. `base` brings our dependencies along as
# `npm ci` has installed them here, so that building a server is a matter of copying its sources.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Programs, each at its own path, with all libraries that it loads.
programs() { # root, program...
  local root=$1
  shift
  for program in "$@"; do
    install -D "$(readlink -f "$program")" "$root$program"
    libraries "$root" "$program"
  done
}

libraries() { # root, file
  ldd "$2" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
    [ -e "$1$library" ] || install -D "$(readlink -f "$library")" "$1$library"
  done
}

# What any image needs: a shell with the usual tools, users, names of hosts, certificates.
skeleton() { # root, user
  local root=$1
  mkdir -p "$root"/{bin,usr/bin,usr/sbin,sbin,tmp,etc/ssl/certs,data,home/"$2"}
  chmod 1777 "$root/tmp"
  cp "$(command -v busybox)" "$root/bin/busybox"
  printf 'root:x:0:0::/root:/bin/sh\n%s:x:1000:1000::/home/%s:/bin/sh\n' "$2" "$2" >"$root/etc/passwd"
  printf 'root:x:0:\n%s:x:1000:\n' "$2" >"$root/etc/group"
  echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
  [ ! -e /etc/ssl/certs/ca-certificates.crt ] || cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  for applet in sh ls cat cp mv rm mkdir chmod chown ln sleep echo env id ps kill tar head tail grep sed ip su test true; do
    ln -s busybox "$root/bin/$applet"
  done
  ln -s /bin/busybox "$root/usr/bin/env"
}

built() { docker image inspect "$1" >/dev/null 2>&1; }

base() {
  # Which optional pieces it holds is part of its name: one may be installed later.
  local tag=rollcall-ci/base:$( (cat .ci/images.sh package-lock.json optional/*/package-lock.json && ls -d optional/*/node_modules) 2>/dev/null | sha256sum | cut -c1-12)
  echo "BASE=$tag"
  built "$tag" && return
  local root=$work/base/root
  skeleton "$root" node
  # Bash asks for a server's health (scripts/healthy.sh).
  programs "$root" /bin/bash
  mkdir -p "$root/rollcall" "$root/usr/local/bin"
  install "$(npx --no-install node -p process.execPath)" "$root/usr/local/bin/node"
  libraries "$root" "$root/usr/local/bin/node"
  cp package.json package-lock.json "$root/rollcall/"
  # Without the tools of development, and without the package that brings Node along for older machines.
  (cd "$root/rollcall" && npm ci --omit=dev --ignore-scripts --prefer-offline >/dev/null 2>&1)
  # What native parts of the dependencies load; those for other machines load nothing here.
  find "$root/rollcall/node_modules" -name '*.node' | while read -r native; do libraries "$root" "$native" || true; done
  for piece in optional/*/; do
    [ -d "$piece/node_modules" ] || continue
    mkdir -p "$root/rollcall/$piece"
    cp -a "$piece/node_modules" "$root/rollcall/$piece/"
  done
  # In one piece: a build would carry these hundreds of megabytes to the engine and there into a layer, once more.
  tar --create --owner=0 --group=0 --directory "$root" . | docker import \
    --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin' --change 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' - "$tag" >/dev/null
}

redis() {
  echo "REDIS_IMAGE=rollcall-ci/redis:7"
  built rollcall-ci/redis:7 && return
  local root=$work/redis/root
  skeleton "$root" redis
  (cd "$work/redis" && apt-get download -q redis-server redis-tools >/dev/null 2>&1 && for deb in ./*.deb; do dpkg -x "$deb" unpacked; done)
  mkdir -p "$root/usr/bin"
  for program in redis-check-rdb redis-cli; do install "$work/redis/unpacked/usr/bin/$program" "$root/usr/bin/$program"; done
  mv "$root/usr/bin/redis-check-rdb" "$root/usr/bin/redis-server"
  needed "$root" "$root/usr/bin/redis-server" "$root/usr/bin/redis-cli"
  printf 'FROM scratch\nCOPY root/ /\nRUN chown redis:redis /data\nENV PATH=/usr/bin:/bin\nWORKDIR /data\nUSER redis\nCMD ["redis-server"]\n' >"$work/redis/Dockerfile"
  docker build --quiet --tag rollcall-ci/redis:7 "$work/redis" >/dev/null
}

# Libraries of programs that may not be installed here: those that are missing come from their packages.
needed() { # root, program...
  local root=$1
  shift
  local missing
  missing=$(ldd "$@" | grep 'not found' | awk '{ print $1 }' | sort -u || true)
  if [ -n "$missing" ]; then
    local packages
    packages=$(for deb in "$work"/redis/*.deb; do dpkg-deb -f "$deb" Depends; done | tr ',|' '\n\n' | awk '{ print $1 }' | grep '^lib' | sort -u)
    # shellcheck disable=SC2086
    (cd "$work/redis" && apt-get download -q $packages >/dev/null 2>&1 && for deb in lib*.deb; do dpkg -x "$deb" unpacked; done)
    for library in $missing; do
      install -D "$(readlink -f "$(find "$work/redis/unpacked" -name "$library" | head -1)")" "$root/usr/lib/x86_64-linux-gnu/$library"
    done
  fi
  for program in "$@"; do libraries "$root" "$program"; done
}

postgres() {
  echo "POSTGRES_IMAGE=rollcall-ci/postgres:15"
  built rollcall-ci/postgres:15 && return
  local bin
  bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)
  if [ -z "$bin" ]; then
    apt-get install --yes --no-install-recommends postgresql >/dev/null
    bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
  fi
  local root=$work/postgres/root version
  version=$(basename "$(dirname "$bin")")
  skeleton "$root" postgres
  mkdir -p "$root/usr/lib/postgresql/$version" "$root/usr/share/postgresql" "$root/var/run/postgresql"
  cp -a "/usr/lib/postgresql/$version/." "$root/usr/lib/postgresql/$version/"
  cp -aL "/usr/share/postgresql/$version" "$root/usr/share/postgresql/$version"
  cp -a /usr/share/zoneinfo "$root/usr/share/"
  for program in postgres initdb pg_isready psql pg_ctl; do libraries "$root" "$bin/$program"; done
  for library in "$root/usr/lib/postgresql/$version/lib"/{plpgsql,dict_snowball}.so; do libraries "$root" "$library"; done
  # As the official image does: a cluster at first start, from the same variables.
  cat >"$root/bin/start" <<'START'
#!/bin/sh
set -e
export PGDATA=${PGDATA:-/data/cluster}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo "$POSTGRES_PASSWORD" >/tmp/password
  initdb --locale=C --encoding=UTF8 --username="${POSTGRES_USER:-postgres}" --pwfile=/tmp/password --auth=scram-sha-256 >/dev/null
  rm /tmp/password
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  if [ "${POSTGRES_DB:-postgres}" != postgres ]; then
    echo "CREATE DATABASE \"$POSTGRES_DB\"" | postgres --single -D "$PGDATA" postgres >/dev/null
  fi
fi
exec postgres -c listen_addresses='*' "$@"
START
  chmod 755 "$root/bin/start"
  printf 'FROM scratch\nCOPY root/ /\nRUN chown postgres:postgres /data /var/run/postgresql\nENV PATH=%s:/usr/bin:/bin\nWORKDIR /data\nUSER postgres\nENTRYPOINT ["/bin/start"]\n' "$bin" >"$work/postgres/Dockerfile"
  docker build --quiet --tag rollcall-ci/postgres:15 "$work/postgres" >/dev/null
}

base
redis
postgres
