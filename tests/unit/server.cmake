# The server over a stand-in for the flow layer.
add_unit_test(test_server LIBS sluice_server sluice_capability sluice_store
  SOURCES ${PROJECT_SOURCE_DIR}/host/flow/fault.c)
add_unit_test(test_server_api LIBS sluice_server sluice_flow)
add_unit_test(test_server_api_filter LIBS sluice_server)
add_unit_test(test_server_monitoring LIBS sluice_server sluice_store
  SOURCES ${PROJECT_SOURCE_DIR}/host/flow/fault.c)
add_unit_test(test_server_form LIBS sluice_server)
add_unit_test(test_server_recovery LIBS sluice_server sluice_engine)
add_unit_test(test_server_auth LIBS sluice_server ${BEARSSL_LIBRARY})
add_unit_test(test_server_refusals LIBS sluice_server ${BEARSSL_LIBRARY})
add_unit_test(test_server_jwt LIBS sluice_server)
target_compile_definitions(test_server_jwt PRIVATE UNIT_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data")
add_unit_test(test_server_logs TIMEOUT 300 LIBS sluice_server sluice_capability sluice_store
  SOURCES ${PROJECT_SOURCE_DIR}/host/flow/fault.c)
add_unit_test(test_server_peers LIBS sluice_server)
# Over a stand-in for the bodies of requests.
add_unit_test(test_server_attachment LIBS sluice_transfer
  SOURCES ${PROJECT_SOURCE_DIR}/host/server/attachment.c)
add_unit_test(test_server_events LIBS sluice_server sluice_store
  SOURCES ${PROJECT_SOURCE_DIR}/host/flow/fault.c)
add_unit_test(test_server_event_sink LIBS sluice_server sluice_store
  SOURCES ${PROJECT_SOURCE_DIR}/host/flow/fault.c)
add_unit_test(test_server_lambda LIBS sluice_server sluice_store
  SOURCES ${PROJECT_SOURCE_DIR}/host/flow/fault.c)
add_unit_test(test_server_platform_trace LIBS sluice_server)
add_unit_test(test_server_sizing LIBS sluice_server)
# AddressSanitizer and ThreadSanitizer make processes and memory of their own behind the program's back.
if(NOT SANITIZE)
  add_unit_test(test_server_lockdown LIBS sluice_server sluice_engine ${CMAKE_DL_LIBS})
  target_compile_definitions(test_server_lockdown PRIVATE TEST_GUEST_FOLDER="${TEST_GUEST_FOLDER}")
  add_dependencies(test_server_lockdown test_guests)
endif()
