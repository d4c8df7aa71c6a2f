# Listings, names, the dialogue with a server, the stream: what needs no server.
foreach(name listing names pump)
  add_unit_test(test_transfer_ftp_${name} LIBS sluice_transfer)
endforeach()

# clang -fsanitize=fuzzer: cmake -DCMAKE_C_COMPILER=clang, target fuzz_listing, not run by ctest.
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  set(transfer ${PROJECT_SOURCE_DIR}/host/transfer)
  add_executable(fuzz_listing EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_listing.c
    ${transfer}/ftp_listing.c ${transfer}/listing.c ${transfer}/remote_name.c)
  target_link_libraries(fuzz_listing PRIVATE sluice_base)
  target_compile_options(fuzz_listing PRIVATE -fsanitize=fuzzer,address,undefined)
  target_link_options(fuzz_listing PRIVATE -fsanitize=fuzzer,address,undefined)
endif()
