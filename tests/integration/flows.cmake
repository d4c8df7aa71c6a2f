# The flows and the demo through the real program.
if(TARGET sluice)
  foreach(area Routes Rules Failures Acknowledgement)
    string(TOLOWER ${area} name)
    add_python_test(flows.${name} test_flows.py ARGS $<TARGET_FILE:sluice> ${area})
  endforeach()
  add_python_test(flows.listing test_flows_listing.py ARGS $<TARGET_FILE:sluice>)
  add_python_test(resume test_resume.py ARGS $<TARGET_FILE:sluice>)
  option(SLUICE_LONG_TESTS "Also tests that take many minutes and much disk" OFF)
  if(SLUICE_LONG_TESTS)
    add_python_test(large test_large.py ARGS $<TARGET_FILE:sluice>)
    set_tests_properties(large PROPERTIES TIMEOUT 3600)
  endif()
  add_python_test(kill test_kill.py ARGS $<TARGET_FILE:sluice>)
  add_python_test(doubt test_doubt.py ARGS $<TARGET_FILE:sluice>)
  add_python_test(kill.dropped test_kill_dropped.py ARGS $<TARGET_FILE:sluice>)
  foreach(area Ftp ObjectStorage Acknowledgements Circuit Unmarked)
    string(TOLOWER ${area} name)
    add_python_test(retry.${name} test_retry.py ARGS $<TARGET_FILE:sluice> ${area})
  endforeach()
  foreach(area Delivery Processes Storms)
    string(TOLOWER ${area} name)
    add_python_test(outbox.${name} test_outbox.py ARGS $<TARGET_FILE:sluice> ${area})
  endforeach()
  add_python_test(unmarked test_unmarked.py ARGS $<TARGET_FILE:sluice>)
  add_python_test(readme test_readme.py ARGS $<TARGET_FILE:sluice> $<TARGET_FILE:sluice-translate>
    ${TEST_GUEST_FOLDER}/nothing.wasm ${SLUICE_GUEST_CC} ${CJSON_SOURCE_DIR})
  add_python_test(faults test_faults.py
    ARGS $<TARGET_FILE:sluice> $<TARGET_FILE:sluice-translate> ${TEST_GUEST_FOLDER}/misbehave.wasm
      ${PROJECT_SOURCE_DIR}/tests/guests/misbehave.json)
  add_test(NAME demo COMMAND ${PROJECT_SOURCE_DIR}/scripts/demo)
  set_tests_properties(demo PROPERTIES TIMEOUT 300 LABELS integration
    ENVIRONMENT "SLUICE_BUILD=${PROJECT_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1")
endif()
# The program killed at its effects (a preloaded library counts them and strikes), its connections cut at what
# is said on them: each of the real servers is source and target once. scripts/prove --servers does all routes.
if(TARGET sluice AND NOT SANITIZE)
  add_library(kill_at MODULE kill_at.c)
  target_link_libraries(kill_at PRIVATE ${CMAKE_DL_LIBS})
  target_compile_definitions(kill_at PRIVATE _GNU_SOURCE)
  foreach(route ftp-ftp ftp-os os-ftp os-os)
    add_python_test(kill.${route} test_kill_every.py
      ARGS $<TARGET_FILE:sluice> $<TARGET_FILE:kill_at> ${route})
  endforeach()
  foreach(route ftp-ftp ftp-os)
    add_python_test(kill.${route}.filtered test_kill_every.py
      ARGS $<TARGET_FILE:sluice> $<TARGET_FILE:kill_at> ${route}+${TEST_GUEST_FOLDER}/filter_records.wasm)
  endforeach()
  foreach(route vsftpd:proftpd proftpd:pure-ftpd pure-ftpd:pyftpdlib pyftpdlib:vsftpd os:sshd sshd:os)
    string(REPLACE ":" "-" name ${route})
    add_python_test(cut.${name} test_cut_every.py
      ARGS $<TARGET_FILE:sluice> $<TARGET_FILE:kill_at> ${route})
  endforeach()
endif()
