#!/usr/bin/env bash
# Deploys one flow, as scripts for Oracle Integration do it with curl; a line for each call says what was
# asked for and the status of the answer.
#   BASE=http://HOST:PORT/ic/api/integration/v1 LOGIN=USER:PASSWORD
#   api_deploy.sh CODE VERSION MODULE.wasm CONNECTION CONNECTION.json CA.pem LOOKUP.csv
set -euo pipefail
code=$1 version=$2 module=$3 connection=$4 connection_json=$5 certificate=$6 lookup_csv=$7
id="$code%7C$version"
lookup=$(basename "$lookup_csv" .csv)

# call STEP METHOD PATH curl-arguments...: sets status
call() {
    local step=$1 method=$2 path=$3
    shift 3
    status=$(curl --silent --show-error --output /dev/null --write-out '%{http_code}' \
        --user "$LOGIN" --request "$method" "$@" "$BASE$path")
    echo "$step $status"
}

expect() {
    case " $* " in *" $status "*) ;; *) echo "stopped: expected $*" && exit 1 ;; esac
}

patch() {
    call "$1" POST "$2" --header 'X-HTTP-Method-Override: PATCH' \
        --header 'Content-Type: application/json' --data "$3"
}

upload() {
    call "$1" "$2" "$3" --form "file=@$4" --form 'type=application/octet-stream'
}

call get GET "/integrations/$id" --header 'Accept: application/json'
if [ "$status" = 200 ]; then
    call stop POST "/integrations/$id/schedule/stop"
    expect 200 412
    patch deactivate "/integrations/$id" '{"status":"CONFIGURED"}'
    expect 200 412
    upload replace PUT /integrations/archive "$module"
    expect 200
else
    expect 404
    upload import POST /integrations/archive "$module"
    expect 204
fi
patch connection "/connections/$connection" "@$connection_json"
expect 200
upload attachment POST "/connections/$connection/attachments/ca" "$certificate"
expect 200
call test POST "/connections/$connection/test"
expect 200
patch activate "/integrations/$id?enableAsyncActivationMode=true" \
    '{"status":"ACTIVATED","tracingEnabledFlag":true,"payloadTracingEnabledFlag":false}'
expect 200
call status GET "/integrations/$id/activationStatus"
expect 200
call lookup GET "/lookups/$lookup"
if [ "$status" = 200 ]; then
    upload replace-lookup PUT /lookups/archive "$lookup_csv"
    expect 200
else
    expect 404
    upload import-lookup POST /lookups/archive "$lookup_csv"
    expect 204
fi
call libraries GET /libraries
