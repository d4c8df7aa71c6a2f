add_unit_test(test_capability_handle LIBS sluice_capability)
add_unit_test(test_capability_opened LIBS sluice_capability)
add_unit_test(test_capability_journal LIBS sluice_capability)
add_unit_test(test_capability_smtp LIBS sluice_capability)
add_unit_test(test_capability_retry LIBS sluice_capability)
add_unit_test(test_capability_manifest LIBS sluice_capability)
add_unit_test(test_capability_log LIBS sluice_capability)
add_unit_test(test_capability_unmarked LIBS sluice_capability)

add_unit_test(test_capability_imports LIBS sluice_capability
  ARGS ${TEST_GUEST_FOLDER}/probe.wasm ${PROJECT_BINARY_DIR}/tests/compiled
  ENVIRONMENT ${SANDBOX_TEST_ENVIRONMENT})
add_dependencies(test_capability_imports test_guests)

# The host's own calls for memory fail in turn.
add_unit_test(test_capability_memory LIBS sluice_capability
  ARGS ${TEST_GUEST_FOLDER}/probe.wasm ${PROJECT_BINARY_DIR}/tests/compiled
  ENVIRONMENT ${SANDBOX_TEST_ENVIRONMENT})
add_dependencies(test_capability_memory test_guests)
target_link_options(test_capability_memory PRIVATE
  LINKER:--wrap=malloc LINKER:--wrap=calloc LINKER:--wrap=realloc LINKER:--wrap=strdup)

add_unit_test(test_capability_filter LIBS sluice_capability ARGS ${TEST_GUEST_FOLDER}
  ENVIRONMENT ${SANDBOX_TEST_ENVIRONMENT} TIMEOUT 300)
add_dependencies(test_capability_filter test_guests)
