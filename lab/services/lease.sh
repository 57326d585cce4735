#!/bin/sh
# udhcpc calls this with what happened and the lease in its environment. It only says it:
# "lease NAME=VALUE", a line each, and changes no address.
if [ "$1" = bound ] || [ "$1" = renew ]; then
    for name in ip subnet mask router dns domain hostname ntpsrv wins lease serverid broadcast; do
        eval "value=\${$name:-}"
        if [ -n "$value" ]; then
            echo "lease $name=$value"
        fi
    done
fi
