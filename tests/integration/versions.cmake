# Versions of a flow side by side, through the real program.
if(TARGET sluice)
  add_python_test(versions test_versions.py
    ARGS $<TARGET_FILE:sluice> $<TARGET_FILE:sluice-translate> ${TEST_GUEST_FOLDER}/nothing.wasm)
endif()
