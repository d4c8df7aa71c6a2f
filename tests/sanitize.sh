#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the unit and hostile-guest tests a second time, with clang, every warning an error, and the
# address and undefined-behaviour sanitizers, and runs them. Usage: sanitize.sh BUILD_FOLDER
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
build=$1
cmake -S "$source" -B "$build" -G Ninja --log-level=WARNING -DCMAKE_C_COMPILER=clang \
    -DSLUICE_WERROR=ON -DSANITIZE=address,undefined -DCMAKE_BUILD_TYPE=RelWithDebInfo
cmake --build "$build" --target unit_tests sluice transfer_driver web_driver
ctest --test-dir "$build" -L unit --output-on-failure
