# Schedules and activation, through the real program.
if(TARGET sluice)
  add_python_test(schedules test_schedules.py
    ARGS $<TARGET_FILE:sluice> $<TARGET_FILE:sluice-translate> ${TEST_GUEST_FOLDER}/nothing.wasm
      ${PROJECT_SOURCE_DIR}/wasm-out)
endif()

# What is recorded of an execution, and how long messages are kept.
if(TARGET sluice)
  add_python_test(tracing test_tracing.py ARGS $<TARGET_FILE:sluice>)
endif()
