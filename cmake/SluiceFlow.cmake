# From C to WebAssembly to a compiled module: add_flow() for the flows of this repository and
# add_test_guest() for modules that exist to be tested. Guests are compiled for wasm32-wasi by the
# clang of the distribution, or that of a wasi-sdk which WASI_SDK_PATH (cache, environment) names.
set(WASI_SDK_PATH "$ENV{WASI_SDK_PATH}" CACHE PATH "A wasi-sdk to compile guests with, else clang")
set(CJSON_SOURCE_DIR ${PROJECT_SOURCE_DIR}/.cache/cjson CACHE PATH
  "Folder with cJSON.c and cJSON.h, compiled into guests")
if(WASI_SDK_PATH)
  find_program(SLUICE_GUEST_CC clang PATHS ${WASI_SDK_PATH}/bin NO_DEFAULT_PATH REQUIRED)
else()
  find_program(SLUICE_GUEST_CC NAMES clang clang-14 clang-16 clang-19 REQUIRED)
endif()
find_program(SLUICE_NODE node REQUIRED)

set(SLUICE_GUEST_STACK_SIZE 65536)   # bytes of shadow stack, placed below the data
# Memory that a guest begins with, so that malloc of small programs never has to grow it: growing
# costs system calls at each execution, untouched pages cost nothing.
set(SLUICE_GUEST_INITIAL_PAGES 8)
math(EXPR sluice_guest_initial_memory "${SLUICE_GUEST_INITIAL_PAGES} * 65536")
set(SLUICE_GUEST_FLAGS --target=wasm32-wasi -Os -std=c11 -Wall -Wextra)
set(SLUICE_GUEST_LINK_FLAGS --target=wasm32-wasi -Wl,--strip-all -Wl,--stack-first
  -Wl,-z,stack-size=${SLUICE_GUEST_STACK_SIZE} -Wl,--initial-memory=${sluice_guest_initial_memory})

# What every flow is linked with: the guest library in shared/ and cJSON. Unused parts are dropped
# by the linker. Set SLUICE_GUEST_SOURCES before to use other sources.
if(NOT SLUICE_GUEST_SOURCES)
  file(GLOB SLUICE_GUEST_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/shared/src/*.c)
  if(EXISTS ${CJSON_SOURCE_DIR}/cJSON.c)
    list(APPEND SLUICE_GUEST_SOURCES ${CJSON_SOURCE_DIR}/cJSON.c)
  endif()
endif()

# sluice_guest_object(out folder source flags...): one object file; rebuilt when a header changes.
function(sluice_guest_object out folder source)
  get_filename_component(source ${source} ABSOLUTE)
  get_filename_component(name ${source} NAME_WE)
  set(object ${folder}/${name}.o)
  file(MAKE_DIRECTORY ${folder})
  set(flags ${SLUICE_GUEST_FLAGS} -I${PROJECT_SOURCE_DIR}/shared/include)
  if(EXISTS ${CJSON_SOURCE_DIR}/cJSON.h)
    list(APPEND flags -isystem ${CJSON_SOURCE_DIR})
  endif()
  add_custom_command(OUTPUT ${object}
    COMMAND ${SLUICE_GUEST_CC} ${flags} ${ARGN} -MD -MF ${object}.d -c ${source} -o ${object}
    DEPENDS ${source} DEPFILE ${object}.d VERBATIM
    COMMENT "Guest object ${name}.o")
  set(${out} ${object} PARENT_SCOPE)
endfunction()

# The objects of the guest library, made once for all flows and filters. How a guest ends when memory
# runs out is not the same for both.
set(sluice_guest_folder ${PROJECT_BINARY_DIR}/guest)
set(sluice_guest_objects)
set(sluice_filter_objects)
foreach(source ${SLUICE_GUEST_SOURCES})
  sluice_guest_object(object ${sluice_guest_folder}/shared ${source})
  list(APPEND sluice_guest_objects ${object})
  if(NOT source MATCHES "/memory_end\\.c$")
    list(APPEND sluice_filter_objects ${object})
  endif()
endforeach()
sluice_guest_object(object ${sluice_guest_folder}/tools
  ${PROJECT_SOURCE_DIR}/shared/tools/filter_memory.c)
list(APPEND sluice_filter_objects ${object})
add_custom_target(guest_library DEPENDS ${sluice_guest_objects} ${object})

# Compiles a flow's mapping.json into tables of constants; see sluice_mapping_source.
set(sluice_shared ${PROJECT_SOURCE_DIR}/shared)
file(GLOB SLUICE_MAPPING_SOURCES CONFIGURE_DEPENDS ${sluice_shared}/src/mapping*.c)
list(APPEND SLUICE_MAPPING_SOURCES ${sluice_shared}/src/json.c ${sluice_shared}/src/memory.c
  ${sluice_shared}/src/text.c)
add_executable(mapping_table ${sluice_shared}/tools/mapping_table.c
  ${sluice_shared}/tools/filter_memory.c ${SLUICE_MAPPING_SOURCES})
target_link_libraries(mapping_table PRIVATE sluice_flags PkgConfig::CJSON)

# sluice_mapping_source(out name document): C that defines "struct mapping <name>_mapping".
function(sluice_mapping_source out name document)
  set(source ${sluice_guest_folder}/${name}/${name}_mapping.c)
  add_custom_command(OUTPUT ${source}
    COMMAND mapping_table ${name}_mapping ${document} ${source}
    DEPENDS ${document} mapping_table VERBATIM COMMENT "Flow ${name}: mapping")
  set(${out} ${source} PARENT_SCOPE)
endfunction()

add_custom_target(flows) # all of them

# sluice_manifest_pages(out manifest): what the manifest's limits.memory_mib is in pages of 64 KiB.
function(sluice_manifest_pages out manifest)
  if(NOT EXISTS ${manifest})
    message(FATAL_ERROR "There is no ${manifest}: every flow has a manifest next to its sources.")
  endif()
  file(READ ${manifest} text)
  string(JSON memory_mib ERROR_VARIABLE problem GET "${text}" limits memory_mib)
  if(problem)
    message(FATAL_ERROR "${manifest}: \"limits\": {\"memory_mib\": ...} cannot be read: ${problem}")
  elseif(NOT memory_mib MATCHES "^[1-9][0-9]?[0-9]?[0-9]?$" OR memory_mib GREATER 4096)
    message(FATAL_ERROR "${manifest}: \"memory_mib\" must be a whole number from 1 to 4096")
  endif()
  math(EXPR pages "${memory_mib} * 16")
  set(${out} ${pages} PARENT_SCOPE)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${manifest})
endfunction()

# add_flow(name SOURCES file... [MAPPING mapping.json]): the flow in folder name, with its sources, its
# flow.json and its mapping there. Makes wasm-out/<name>.wasm with its manifest inside, and its compiled form in wasm-out/compiled/.
function(add_flow name)
  cmake_parse_arguments(FLOW "" "MAPPING" "SOURCES" ${ARGN})
  list(TRANSFORM FLOW_SOURCES PREPEND ${name}/)
  set(manifest ${CMAKE_CURRENT_SOURCE_DIR}/${name}/flow.json)
  sluice_manifest_pages(pages ${manifest})
  math(EXPR memory_size "${pages} * 65536")
  set(folder ${sluice_guest_folder}/${name})
  set(includes -I${CMAKE_CURRENT_SOURCE_DIR} -I${CMAKE_CURRENT_SOURCE_DIR}/${name})
  if(FLOW_MAPPING)
    sluice_mapping_source(mapping ${name} ${CMAKE_CURRENT_SOURCE_DIR}/${name}/${FLOW_MAPPING})
    add_custom_target(flow_mapping_${name} DEPENDS ${mapping})
    list(APPEND FLOW_SOURCES ${mapping})
  endif()
  set(objects)
  foreach(source ${FLOW_SOURCES})
    sluice_guest_object(object ${folder} ${source} ${includes})
    list(APPEND objects ${object})
  endforeach()

  set(plain ${folder}/${name}.plain.wasm)
  set(wasm ${PROJECT_SOURCE_DIR}/wasm-out/${name}.wasm)
  set(compiled ${folder}/${name}.compiled)
  add_custom_command(OUTPUT ${plain}
    COMMAND ${SLUICE_GUEST_CC} ${SLUICE_GUEST_LINK_FLAGS} -Wl,--max-memory=${memory_size}
      ${objects} ${sluice_guest_objects} -o ${plain}
    DEPENDS ${objects} ${sluice_guest_objects} guest_library VERBATIM
    COMMENT "Flow ${name}: link")
  add_custom_command(OUTPUT ${wasm}
    COMMAND sluice-translate ${plain} --embed ${manifest} --output ${wasm}
    DEPENDS ${plain} ${manifest} sluice-translate VERBATIM
    COMMENT "Flow ${name}: manifest")
  add_custom_command(OUTPUT ${compiled}
    COMMAND sluice-translate ${wasm} --cache ${PROJECT_SOURCE_DIR}/wasm-out/compiled > ${compiled}
    DEPENDS ${wasm} sluice-translate VERBATIM
    COMMENT "Flow ${name}: verify, translate, compile")
  add_custom_target(flow_${name} ALL DEPENDS ${compiled})
  add_dependencies(flows flow_${name})
endfunction()

# add_filter(name SOURCES file...): a filter of this repository, which may import nothing of the host.
# Makes wasm-out/<name>.wasm and its compiled form in wasm-out/compiled/.
set(SLUICE_FILTER_MEMORY_MIB 64)
function(add_filter name)
  cmake_parse_arguments(FILTER "" "" "SOURCES" ${ARGN})
  math(EXPR memory_size "${SLUICE_FILTER_MEMORY_MIB} * 1048576")
  set(folder ${sluice_guest_folder}/${name})
  set(objects)
  foreach(source ${FILTER_SOURCES})
    sluice_guest_object(object ${folder} ${source})
    list(APPEND objects ${object})
  endforeach()
  set(wasm ${PROJECT_SOURCE_DIR}/wasm-out/${name}.wasm)
  set(compiled ${folder}/${name}.compiled)
  add_custom_command(OUTPUT ${wasm}
    COMMAND ${SLUICE_GUEST_CC} ${SLUICE_GUEST_LINK_FLAGS} -Wl,--max-memory=${memory_size}
      ${objects} ${sluice_filter_objects} -o ${wasm}
    DEPENDS ${objects} ${sluice_filter_objects} guest_library VERBATIM
    COMMENT "Filter ${name}: link")
  add_custom_command(OUTPUT ${compiled}
    COMMAND sluice-translate ${wasm} --filter --cache ${PROJECT_SOURCE_DIR}/wasm-out/compiled
      > ${compiled}
    DEPENDS ${wasm} sluice-translate VERBATIM
    COMMENT "Filter ${name}: verify, translate, compile")
  add_custom_target(filter_${name} ALL DEPENDS ${compiled})
  add_dependencies(flows filter_${name})
endfunction()

# add_test_guest(name source [flags...]): tests/guests/<name>.wasm in the build folder, from C or
# from WebAssembly text (.wat). TEST_GUEST_FOLDER is where they are; target test_guests makes all.
set(SLUICE_TEST_GUESTS "" CACHE PATH "Folder of test guests that another build has made, not to make them again")
if(SLUICE_TEST_GUESTS)
  set(TEST_GUEST_FOLDER ${SLUICE_TEST_GUESTS})
else()
  set(TEST_GUEST_FOLDER ${PROJECT_BINARY_DIR}/tests/guests)
endif()
add_custom_target(test_guests ALL)
function(add_test_guest name source)
  get_filename_component(source ${source} ABSOLUTE)
  set(wasm ${TEST_GUEST_FOLDER}/${name}.wasm)
  file(MAKE_DIRECTORY ${TEST_GUEST_FOLDER})
  if(source MATCHES "\\.wat$")
    add_custom_command(OUTPUT ${wasm}
      COMMAND ${SLUICE_NODE} ${SLUICE_WAT2WASM} ${source} ${ARGN} -o ${wasm}
      DEPENDS ${source} VERBATIM COMMENT "Test guest ${name}")
  else()
    sluice_guest_object(object ${sluice_guest_folder}/tests/${name} ${source} ${ARGN})
    add_custom_command(OUTPUT ${wasm}
      COMMAND ${SLUICE_GUEST_CC} ${SLUICE_GUEST_LINK_FLAGS} -Wl,--max-memory=16777216
        ${object} -o ${wasm}
      DEPENDS ${object} VERBATIM COMMENT "Test guest ${name}")
  endif()
  add_custom_target(test_guest_${name} DEPENDS ${wasm})
  add_dependencies(test_guests test_guest_${name})
endfunction()

# compile_test_filter(name): that guest's compiled form, once for all tests that put it in place, in
# <TEST_GUEST_FOLDER>_compiled.
function(compile_test_filter name)
  set(compiled ${sluice_guest_folder}/tests/${name}.compiled)
  file(MAKE_DIRECTORY ${sluice_guest_folder}/tests)
  add_custom_command(OUTPUT ${compiled}
    COMMAND sluice-translate ${TEST_GUEST_FOLDER}/${name}.wasm --filter
      --cache ${TEST_GUEST_FOLDER}_compiled > ${compiled}
    DEPENDS ${TEST_GUEST_FOLDER}/${name}.wasm sluice-translate VERBATIM
    COMMENT "Test guest ${name}: verify, translate, compile")
  add_custom_target(test_guest_${name}_compiled ALL DEPENDS ${compiled})
  add_dependencies(test_guest_${name}_compiled test_guest_${name})
endfunction()
