# How host code and its tests are compiled: one interface target with the flags of this project,
# one function per kind of target. Nothing here is directory-wide.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(ICAL REQUIRED IMPORTED_TARGET libical)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(NETTLE REQUIRED IMPORTED_TARGET nettle)
find_library(BEARSSL_LIBRARY bearssl REQUIRED)

add_library(sluice_flags INTERFACE)
target_compile_features(sluice_flags INTERFACE c_std_11)
target_compile_definitions(sluice_flags INTERFACE _GNU_SOURCE)
target_include_directories(sluice_flags INTERFACE
  ${PROJECT_SOURCE_DIR}/host ${PROJECT_SOURCE_DIR}/shared/include)
target_compile_options(sluice_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
  -fno-omit-frame-pointer
  $<$<BOOL:${SLUICE_WERROR}>:-Werror>
  "SHELL:-include ${PROJECT_SOURCE_DIR}/host/base/banned.h")
if(SANITIZE)
  target_compile_options(sluice_flags INTERFACE -fsanitize=${SANITIZE} -fno-sanitize-recover=all)
  target_link_options(sluice_flags INTERFACE -fsanitize=${SANITIZE})
endif()

# With sanitizers nothing is optimised but where tests spend their time.
set(SLUICE_BUSY_FLAGS $<$<CONFIG:Checked>:-O1>)
set(sluice_busy_layers base engine store)

# add_host_layer(name SOURCES ... LIBS ...): static library sluice_<name>; LIBS are the layers below.
function(add_host_layer name)
  cmake_parse_arguments(LAYER "" "" "SOURCES;LIBS" ${ARGN})
  add_library(sluice_${name} STATIC ${LAYER_SOURCES})
  target_link_libraries(sluice_${name} PUBLIC sluice_flags ${LAYER_LIBS})
  if(name IN_LIST sluice_busy_layers)
    target_compile_options(sluice_${name} PRIVATE ${SLUICE_BUSY_FLAGS})
  endif()
endfunction()

# Tests themselves are not optimised: most of them take longer to compile than to run. The linker that makes the
# modules takes a third of the time of the system's.
add_library(unit_test_flags INTERFACE)
target_link_libraries(unit_test_flags INTERFACE sluice_flags)
target_compile_options(unit_test_flags INTERFACE -O0)
target_link_options(unit_test_flags INTERFACE -fuse-ld=lld)

# add_unit_test(test_x LIBS ... [ENVIRONMENT ...] [TIMEOUT s]): tests/unit/test_x.c as ctest "unit.x".
add_custom_target(unit_tests)
# For tests that run guests: the fault handler must get its signals from ASan.
set(SANDBOX_TEST_ENVIRONMENT
  "ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:handle_sigfpe=0:allow_user_segv_handler=1:detect_stack_use_after_return=0")
function(add_unit_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT" "LIBS;ENVIRONMENT;SOURCES;ARGS" ${ARGN})
  add_executable(${name} ${name}.c ${TEST_SOURCES})
  target_link_libraries(${name} PRIVATE unit_test_flags ${TEST_LIBS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  let_calls_fail(${name} ${name}.c ${TEST_SOURCES})
  add_dependencies(unit_tests ${name})
  string(REGEX REPLACE "^test_" "unit." test_name ${name})
  add_test(NAME ${test_name} COMMAND ${name} ${TEST_ARGS})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  set_tests_properties(${test_name} PROPERTIES TIMEOUT ${TEST_TIMEOUT} LABELS unit)
  if(TEST_ENVIRONMENT)
    set_tests_properties(${test_name} PROPERTIES ENVIRONMENT "${TEST_ENVIRONMENT}")
  endif()
endfunction()
