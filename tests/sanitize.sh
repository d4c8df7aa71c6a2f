#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the unit and hostile-guest tests a second time, with clang, every warning an error, and the
# address and undefined-behaviour sanitizers, and runs them. What went well is not printed, so that
# what failed is at hand. Usage: sanitize.sh BUILD_FOLDER
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
build=$1

# quietly COMMAND...: its output only if it fails, without the lines that tell of success.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || status=$?
    [ "$status" = 0 ] || grep -vE '^\[[0-9]+/[0-9]+\] |^ *Start +[0-9]|^ *[0-9]+/[0-9]+ .* Passed ' "$log" || :
    rm -f "$log"
    return "$status"
}

quietly cmake -S "$source" -B "$build" -G Ninja --log-level=WARNING -DCMAKE_C_COMPILER=clang \
    -DSLUICE_WERROR=ON -DSANITIZE=address,undefined -DCMAKE_BUILD_TYPE=RelWithDebInfo
quietly cmake --build "$build" --target unit_tests sluice transfer_driver web_driver
quietly ctest --test-dir "$build" -L unit --output-on-failure --parallel 2
