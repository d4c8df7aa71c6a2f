# Tests of the engine. They run guests of tests/guests; compiled modules stay in the build folder.
# add_engine_test(name [SOURCES ...] [TIMEOUT s])
function(add_engine_test name)
  add_unit_test(${name} ${ARGN} LIBS sluice_engine)
  target_compile_definitions(${name} PRIVATE
    TEST_GUEST_FOLDER="${TEST_GUEST_FOLDER}"
    TEST_CACHE_FOLDER="${PROJECT_BINARY_DIR}/tests/compiled")
  add_dependencies(${name} test_guests)
endfunction()

add_engine_test(test_engine_verifier SOURCES test_engine_wasm.c)
add_engine_test(test_engine_child)
add_engine_test(test_engine_module SOURCES test_engine_support.c test_engine_wasm.c)
add_engine_test(test_engine_hostile SOURCES test_engine_support.c)
add_engine_test(test_engine_leaks SOURCES test_engine_support.c TIMEOUT 300)

# The micro benchmark shares the tests' imports; it runs by hand or from scripts/bench.
set(bench_folder ${PROJECT_SOURCE_DIR}/tests/bench)
add_executable(bench_sandbox ${bench_folder}/bench_sandbox.c test_engine_support.c
  test_engine_stubs.c
  ${PROJECT_SOURCE_DIR}/tests/guests/work.c)
target_link_libraries(bench_sandbox PRIVATE sluice_engine)
target_include_directories(bench_sandbox PRIVATE
  ${PROJECT_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_definitions(bench_sandbox PRIVATE WORK_NATIVE
  TEST_GUEST_FOLDER="${TEST_GUEST_FOLDER}" TEST_CACHE_FOLDER="${PROJECT_BINARY_DIR}/tests/compiled")
add_dependencies(bench_sandbox test_guests)

# clang -fsanitize=fuzzer: cmake -DCMAKE_C_COMPILER=clang, target fuzz_verifier, not run by ctest.
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  set(engine ${PROJECT_SOURCE_DIR}/host/engine)
  add_executable(fuzz_verifier EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_verifier.c
    ${engine}/verifier.c ${engine}/verifier_code.c ${engine}/wasm_reader.c ${engine}/import_rules.c)
  target_link_libraries(fuzz_verifier PRIVATE sluice_base)
  target_compile_options(fuzz_verifier PRIVATE -fsanitize=fuzzer,address,undefined)
  target_link_options(fuzz_verifier PRIVATE -fsanitize=fuzzer,address,undefined)
endif()
