#!/bin/sh
# Whether the server of this container answers at $HEALTH with 2xx. It is asked every other second beside a server that is
# being measured, and starting Node for it would cost a twentieth of a core: what is lighter is taken where it is there.
# Not wget: Busybox's, linked without libraries, does not survive a look-up of names. Not nc: it hangs up as soon as it
# has asked, and a server that has to ask its database first then has nobody to answer.
if command -v bash >/dev/null 2>&1; then
  exec bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$PORT" && printf "GET %s HTTP/1.0\r\n\r\n" "$HEALTH" >&3 && read -r -t 10 answer <&3 && [[ $answer == "HTTP/1."?" 2"* ]]'
fi
exec node --eval "fetch('http://127.0.0.1:' + process.env.PORT + process.env.HEALTH).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"
