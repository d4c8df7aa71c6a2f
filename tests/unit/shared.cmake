# The guest-side library and the flows, compiled natively and linked with a stand-in for the imports.
# A flow's memory is given back by ending the execution, so leaks are not looked for.
function(add_guest_test name)
  add_executable(${name} ${name}.c fake_host.c fake_imports.c ${ARGN})
  target_link_libraries(${name} PRIVATE sluice_flags guest_native)
  target_compile_options(${name} PRIVATE ${SLUICE_BUSY_FLAGS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests
    ${PROJECT_SOURCE_DIR}/functions/customer_sync_ack)
  string(REGEX REPLACE "^test_" "unit." test_name ${name})
  add_dependencies(unit_tests ${name})
  add_test(NAME ${test_name} COMMAND ${name})
  set_tests_properties(${test_name} PROPERTIES TIMEOUT 60 LABELS unit
    ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0")
endfunction()

file(GLOB guest_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/shared/src/*.c)
add_library(guest_native STATIC ${guest_sources})
target_link_libraries(guest_native PUBLIC sluice_flags PkgConfig::CJSON)
target_compile_options(guest_native PRIVATE ${SLUICE_BUSY_FLAGS})

# The main of each flow under a name of its own, so that a test can call it.
set(flow_folder ${PROJECT_SOURCE_DIR}/functions)
foreach(flow customer_sync_ftp_transfer customer_sync_os_transfer customer_sync_ack
        common_ftp_transfer common_os_transfer common_error_handler)
  set_source_files_properties(${flow_folder}/${flow}/${flow}.c PROPERTIES
    COMPILE_DEFINITIONS main=${flow}_main COMPILE_OPTIONS -Wno-missing-prototypes)
endforeach()

# The tables that the build makes of the acknowledgement's mapping.
set(ack_mapping ${sluice_guest_folder}/customer_sync_ack/customer_sync_ack_mapping.c)
set_source_files_properties(${ack_mapping} PROPERTIES GENERATED TRUE)

add_guest_test(test_shared_text)
add_guest_test(test_shared_json)
add_guest_test(test_shared_mapping mapping_support.c)
add_guest_test(test_shared_mapping_document mapping_support.c)
add_guest_test(test_flow_customer_sync
  ${flow_folder}/customer_sync_ftp_transfer/customer_sync_ftp_transfer.c
  ${flow_folder}/customer_sync_os_transfer/customer_sync_os_transfer.c)
add_guest_test(test_flow_customer_sync_source
  ${flow_folder}/customer_sync_ftp_transfer/customer_sync_ftp_transfer.c)
add_guest_test(test_flow_ack
  ${flow_folder}/customer_sync_ack/customer_sync_ack.c
  ${flow_folder}/customer_sync_ack/acknowledgement.c ${ack_mapping})
add_dependencies(test_flow_ack flow_mapping_customer_sync_ack)
add_guest_test(test_flow_common
  ${flow_folder}/common_ftp_transfer/common_ftp_transfer.c
  ${flow_folder}/common_os_transfer/common_os_transfer.c
  ${flow_folder}/common_error_handler/common_error_handler.c)
add_guest_test(test_flow_extend
  ${flow_folder}/customer_sync_ftp_transfer/customer_sync_ftp_transfer.c
  ${flow_folder}/customer_sync_ack/customer_sync_ack.c
  ${flow_folder}/customer_sync_ack/acknowledgement.c ${ack_mapping}
  ${flow_folder}/common_ftp_transfer/common_ftp_transfer.c
  ${flow_folder}/common_error_handler/common_error_handler.c)
add_dependencies(test_flow_extend flow_mapping_customer_sync_ack)

# The tests that need no stand-in for the host once more as WebAssembly, where pointers have 32 bits, on
# Node.js's engine. Sanitizers see nothing of that.
if(SANITIZE)
  return()
endif()
function(add_wasm_test name)
  set(folder ${sluice_guest_folder}/tests/${name})
  set(objects)
  foreach(source ${name}.c ${ARGN})
    sluice_guest_object(object ${folder} ${source} -I${PROJECT_SOURCE_DIR}/tests
      -I${PROJECT_SOURCE_DIR}/host -Wno-unused-variable)
    list(APPEND objects ${object})
  endforeach()
  set(wasm ${folder}/${name}.wasm)
  add_custom_command(OUTPUT ${wasm}
    COMMAND ${SLUICE_GUEST_CC} ${SLUICE_GUEST_LINK_FLAGS} -Wl,--max-memory=1073741824
      ${objects} ${sluice_filter_objects} -o ${wasm}
    DEPENDS ${objects} ${sluice_filter_objects} guest_library VERBATIM COMMENT "${name}.wasm")
  add_custom_target(${name}_wasm ALL DEPENDS ${wasm})
  add_dependencies(unit_tests ${name}_wasm)
  string(REGEX REPLACE "^test_" "unit.wasm." test_name ${name})
  add_test(NAME ${test_name}
    COMMAND ${SLUICE_NODE} ${PROJECT_SOURCE_DIR}/tests/wasi.mjs ${wasm})
  set_tests_properties(${test_name} PROPERTIES TIMEOUT 120 LABELS unit)
endfunction()
add_wasm_test(test_shared_mapping mapping_support.c)
add_wasm_test(test_shared_mapping_document mapping_support.c)
