# Tests of the engine. They run guests of tests/guests and keep compiled modules in the build folder.
# The fault handler must get its signals, and a guest's stack is not one that ASan's fake stack knows.
set(engine_environment
  "ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:handle_sigfpe=0:allow_user_segv_handler=1:detect_stack_use_after_return=0")
function(add_engine_test name)
  add_unit_test(${name} ${ARGN} LIBS sluice_engine SOURCES test_engine_support.c
    ENVIRONMENT ${engine_environment})
  target_compile_definitions(${name} PRIVATE
    TEST_GUEST_FOLDER="${TEST_GUEST_FOLDER}" TEST_CACHE_FOLDER="${PROJECT_BINARY_DIR}/tests/compiled")
  add_dependencies(${name} test_guests)
endfunction()

add_engine_test(test_engine_hostile)
