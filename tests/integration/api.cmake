# The developer API through the real program.
if(TARGET sluice)
  set(api_arguments $<TARGET_FILE:sluice> $<TARGET_FILE:sluice-translate>
    ${TEST_GUEST_FOLDER}/nothing.wasm ${TEST_GUEST_FOLDER}/misbehave.wasm)
  foreach(script api api_deploy api_document api_errors api_files api_monitoring api_stopping)
    add_python_test(${script} test_${script}.py TIMEOUT 900 ARGS ${api_arguments})
  endforeach()
endif()
