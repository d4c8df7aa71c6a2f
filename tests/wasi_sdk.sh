#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# That WASI_SDK_PATH is honoured: a folder shaped like a wasi-sdk, whose clang notes that it was asked, must
# compile the guests of a fresh build. Usage: wasi_sdk.sh BUILD_FOLDER
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
build=$1
rm -rf "$build"
mkdir -p "$build/sdk/bin"
cat >"$build/sdk/bin/clang" <<END
#!/bin/sh
echo "\$@" >>"$build/asked"
exec clang "\$@"
END
chmod +x "$build/sdk/bin/clang"
WASI_SDK_PATH="$build/sdk" cmake -S "$source" -B "$build/build" -G Ninja --log-level=WARNING
cmake --build "$build/build" --target test_guest_misbehave
test -s "$build/build/tests/guests/misbehave.wasm"
grep -q -e '--target=wasm32-wasi.*misbehave\.c' "$build/asked"
grep -q -e '-Wl,--stack-first.*-o .*misbehave\.wasm' "$build/asked"
echo "compiled and linked by the SDK's clang"
