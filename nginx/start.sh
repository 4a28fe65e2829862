#!/bin/sh
# Fills in nginx.conf.template and runs nginx in the foreground, with all its files in FOLDER:
#   sh nginx/start.sh FOLDER [-t and other options of nginx]
# API_SERVERS        the upstream's server lines: `server 127.0.0.1:4000;`, or `server api:4000 resolve;` for all addresses of a name,
#                    asked for anew every 2 s
# NGINX_LISTEN       port, or address:port
# NGINX_ACCESS_LOG   path of the access log
# NGINX_TRUST_PROXY  address or network of a proxy in front, whose X-Forwarded-For is believed; none by default
# NGINX_RESOLVER     DNS server for `resolve`
set -eu
here=$(dirname "$0")
folder=$1
shift

: "${API_SERVERS:=server 127.0.0.1:4000;}" "${NGINX_LISTEN:=8080}" "${NGINX_ACCESS_LOG:=access.log}" "${NGINX_TRUST_PROXY:=255.255.255.255}"
# Only the first server: nginx asks all in turn, and the others may not know the names of containers.
: "${NGINX_RESOLVER:=$(awk '$1 == "nameserver" { print $2 ~ /:/ ? "[" $2 "]" : $2; exit }' /etc/resolv.conf)}"
export API_SERVERS NGINX_LISTEN NGINX_ACCESS_LOG NGINX_TRUST_PROXY NGINX_RESOLVER

envsubst '$API_SERVERS $NGINX_LISTEN $NGINX_ACCESS_LOG $NGINX_TRUST_PROXY $NGINX_RESOLVER' \
  < "$here/nginx.conf.template" > "$folder/nginx.conf"
exec nginx -p "$folder" -c "$folder/nginx.conf" -g 'daemon off;' "$@"
