#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds a second time, with clang, every warning an error, and sanitizers, and runs tests with that. What
# went well is not printed, so that what failed is at hand.
#   sanitize.sh memory BUILD_FOLDER GUESTS    AddressSanitizer and UndefinedBehaviorSanitizer: the unit and
#                                             hostile-guest tests
#   sanitize.sh threads BUILD_FOLDER GUESTS   ThreadSanitizer: tests of what starts threads, and of the
#                                             server under several clients
#   ... all                                   with threads: all tests that it can watch (half an hour)
# GUESTS: the folder of the test guests, which need not be made again.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
kind=$1 build=$2 guests=$3 extent=${4-}

# quietly COMMAND...: its output only if it fails, without the lines that tell of success.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || status=$?
    [ "$status" = 0 ] || grep -vE '^\[[0-9]+/[0-9]+\] |^ *Start +[0-9]|^ *[0-9]+/[0-9]+ .* Passed ' "$log" || :
    rm -f "$log"
    return "$status"
}

configure() {
    quietly cmake -S "$source" -B "$build" -G Ninja --log-level=WARNING -DCMAKE_C_COMPILER=clang \
        -DSLUICE_WERROR=ON -DSANITIZE="$1" -DSLUICE_TEST_GUESTS="$guests"
}

memory() {
    configure address,undefined
    quietly cmake --build "$build" --target unit_tests sluice transfer_driver web_driver
    quietly ctest --no-tests=error --test-dir "$build" -L unit --output-on-failure --parallel 2
}

# ThreadSanitizer delivers signals at calls that it knows, so a guest that spins is never stopped; what it
# keeps in memory, and where, is not what tests of memory, of limits and of other roots expect; nor is it
# fast enough for a cold start of 50 ms.
unwatched='unit\.(engine_hostile|engine_leaks|capability_filter)|api_stopping|faults|filters\.wrong'
unwatched+='|package\..*|supervise\..*|tenants|soak|demo|house|wasi_sdk|peers\..*|preview\..*|edge|mapping.*'
unwatched+='|store|fn|lambda|knative'
# What starts threads, a few seconds each: below the server, and the server under several clients.
threads_unit=(base_log base_metrics base_file_watch engine_helper engine_module flow_outbox
    flow_scheduler server server_auth server_events server_recovery server_refusals store_group
    transfer_circuit workspace_snapshot)
threads_served='serve|http\.(many|overload)'

threads_build() {
    if [ "$extent" = all ]; then
        quietly cmake --build "$build" --target unit_tests sluice sluice-translate transfer_driver \
            web_driver relay_load relay_backend fail_sync
    else
        quietly cmake --build "$build" --target sluice "${threads_unit[@]/#/test_}"
    fi
}

threads_run() {
    if [ "$extent" = all ]; then
        quietly ctest --no-tests=error --test-dir "$build" -E "^($unwatched)\$" --output-on-failure --parallel 2
    else
        local units
        units=$(IFS='|' && echo "${threads_unit[*]}")
        quietly ctest --no-tests=error --test-dir "$build" -R "^(unit\.($units)|$threads_served)\$" \
            --output-on-failure --parallel 2
    fi
}

# Each report is a failure, also one of a server whose test went well.
threads() {
    local reports=$build/reports status=0
    rm -rf "$reports"
    mkdir -p "$reports"
    configure thread
    threads_build
    TSAN_OPTIONS="log_path=$reports/report" threads_run || status=1
    [ -z "$(ls "$reports")" ] || { cat "$reports"/*; status=1; }
    return $status
}

case $kind in
    memory | threads) "$kind" ;;
    *) sed -n '3,11s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
