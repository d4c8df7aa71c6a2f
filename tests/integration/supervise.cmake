# Several tenants under one supervisor, through the real program.
if(TARGET sluice)
  foreach(area Tenants Changes Ends Signals Refusals)
    string(TOLOWER ${area} name)
    add_python_test(supervise.${name} test_supervise.py
      ARGS $<TARGET_FILE:sluice> $<TARGET_FILE:sluice-translate> ${TEST_GUEST_FOLDER}/misbehave.wasm
        ${PROJECT_SOURCE_DIR}/tests/guests/misbehave.json ${area})
  endforeach()
endif()
if(TARGET sluice)
  add_python_test(tenants test_tenants.py
    ARGS $<TARGET_FILE:sluice> $<TARGET_FILE:sluice-translate> ${TEST_GUEST_FOLDER}/misbehave.wasm
      $<TARGET_FILE:relay_backend> ${PROJECT_SOURCE_DIR}/wasm-out)
endif()
