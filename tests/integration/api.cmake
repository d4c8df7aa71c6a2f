# The developer API through the real program.
if(TARGET sluice)
  set(api_arguments $<TARGET_FILE:sluice> $<TARGET_FILE:sluice-translate>
    ${TEST_GUEST_FOLDER}/nothing.wasm ${TEST_GUEST_FOLDER}/misbehave.wasm)
  add_python_test(api test_api.py ARGS ${api_arguments})
  add_python_test(api_monitoring test_api_monitoring.py ARGS ${api_arguments})
endif()
