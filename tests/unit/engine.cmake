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
add_engine_test(test_engine_digest)
add_engine_test(test_engine_helper TIMEOUT 300)
add_engine_test(test_engine_module SOURCES test_engine_support.c test_engine_wasm.c)
add_engine_test(test_engine_hostile SOURCES test_engine_support.c)
add_engine_test(test_engine_leaks SOURCES test_engine_support.c TIMEOUT 300)
add_engine_test(test_engine_signature)
