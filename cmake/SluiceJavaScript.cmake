# Guests for browsers and JavaScript workers: the same sources, built by Emscripten. Where that is not
# installed (Debian's package emscripten), these targets are left out and nothing else changes.
find_program(SLUICE_EMCC emcc)
if(NOT SLUICE_EMCC)
  message(STATUS "emcc was not found: no preview page and no modules for JavaScript workers")
  return()
endif()

# Debian's Emscripten runs a Node.js library from there, also where Node.js is not Debian's.
set(sluice_emcc ${CMAKE_COMMAND} -E env NODE_PATH=/usr/share/nodejs ${SLUICE_EMCC})
set(sluice_emcc_flags -Os -std=c11 -sSTANDALONE_WASM -sALLOW_MEMORY_GROWTH
  -sMAXIMUM_MEMORY=268435456 -I${PROJECT_SOURCE_DIR}/shared/include -isystem ${CJSON_SOURCE_DIR})

# add_javascript_guest(output SOURCES file... [FLAGS flag...]): a module of the guest library and sources.
function(add_javascript_guest output)
  cmake_parse_arguments(GUEST "" "" "SOURCES;FLAGS" ${ARGN})
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/shared/include/sluice/*.h
    ${PROJECT_SOURCE_DIR}/shared/src/*.h)
  add_custom_command(OUTPUT ${output}
    COMMAND ${sluice_emcc} ${sluice_emcc_flags} ${GUEST_FLAGS} ${GUEST_SOURCES} -o ${output}
    DEPENDS ${GUEST_SOURCES} ${headers} VERBATIM COMMENT "Emscripten: ${output}")
endfunction()

# The page that previews mappings: one file, wasm-out/preview.html.
set(preview_folder ${PROJECT_SOURCE_DIR}/shared/preview)
set(preview_module ${PROJECT_BINARY_DIR}/guest/preview_mapping.wasm)
set(preview_page ${PROJECT_SOURCE_DIR}/wasm-out/preview.html)
add_javascript_guest(${preview_module} SOURCES ${SLUICE_MAPPING_SOURCES} ${CJSON_SOURCE_DIR}/cJSON.c
  ${PROJECT_SOURCE_DIR}/shared/tools/mapping_main.c ${PROJECT_SOURCE_DIR}/shared/tools/filter_memory.c)
file(GLOB preview_parts CONFIGURE_DEPENDS ${preview_folder}/* ${PROJECT_SOURCE_DIR}/shared/js/wasi.mjs)
set(preview_documents ${PROJECT_SOURCE_DIR}/docs/mapping.md
  ${PROJECT_SOURCE_DIR}/functions/customer_sync_ack/mapping.json)
add_custom_command(OUTPUT ${preview_page}
  COMMAND ${SLUICE_NODE} ${preview_folder}/build.mjs ${preview_module} ${preview_documents} ${preview_page}
  DEPENDS ${preview_parts} ${preview_module} ${preview_documents} VERBATIM COMMENT "Preview page")
add_custom_target(preview ALL DEPENDS ${preview_page})

# The acknowledgement flow for JavaScript workers: wasm-out/edge/ holds all that a worker is made of. What the
# module imports of the host is defined by nobody until it is instantiated.
set(edge_folder ${PROJECT_SOURCE_DIR}/wasm-out/edge)
set(edge_flow ${PROJECT_SOURCE_DIR}/functions/customer_sync_ack)
file(MAKE_DIRECTORY ${edge_folder})
file(GLOB edge_shared CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/shared/src/*.c)
set(edge_mapping ${sluice_guest_folder}/edge/customer_sync_ack_mapping.c)
file(MAKE_DIRECTORY ${sluice_guest_folder}/edge)
add_custom_command(OUTPUT ${edge_mapping}
  COMMAND mapping_table customer_sync_ack_mapping ${edge_flow}/mapping.json ${edge_mapping}
  DEPENDS ${edge_flow}/mapping.json mapping_table VERBATIM COMMENT "Edge: mapping")
sluice_manifest_pages(edge_pages ${edge_flow}/flow.json)
math(EXPR edge_memory "${edge_pages} * 65536")
add_javascript_guest(${edge_folder}/customer_sync_ack.wasm
  SOURCES ${edge_shared} ${CJSON_SOURCE_DIR}/cJSON.c ${edge_flow}/customer_sync_ack.c
    ${edge_flow}/acknowledgement.c ${edge_mapping}
  FLAGS -I${edge_flow} -sMAXIMUM_MEMORY=${edge_memory} -sINITIAL_MEMORY=1048576
    -sTOTAL_STACK=${SLUICE_GUEST_STACK_SIZE} -sERROR_ON_UNDEFINED_SYMBOLS=0 -sWARN_ON_UNDEFINED_SYMBOLS=0)
set(edge_files ${edge_folder}/customer_sync_ack.wasm)
foreach(source ${PROJECT_SOURCE_DIR}/shared/js/wasi.mjs ${PROJECT_SOURCE_DIR}/shared/js/host.mjs
    ${PROJECT_SOURCE_DIR}/shared/edge/worker.mjs ${PROJECT_SOURCE_DIR}/shared/edge/workerd.capnp
    ${edge_flow}/flow.json)
  get_filename_component(name ${source} NAME)
  add_custom_command(OUTPUT ${edge_folder}/${name}
    COMMAND ${CMAKE_COMMAND} -E copy ${source} ${edge_folder}/${name} DEPENDS ${source} VERBATIM)
  list(APPEND edge_files ${edge_folder}/${name})
endforeach()
add_custom_target(edge ALL DEPENDS ${edge_files})
