# The filter that applies mappings, on an engine that is not ours; as the flows are built, and by
# Emscripten. The page that previews mappings, in a browser.
add_python_test(mapping test_mapping.py ARGS ${SLUICE_NODE} ${PROJECT_SOURCE_DIR}/wasm-out/mapping.wasm)
if(SLUICE_EMCC)
  find_program(SLUICE_WORKERD workerd NO_DEFAULT_PATH
    PATHS ${PROJECT_SOURCE_DIR}/node_modules/@cloudflare/workerd-linux-64/bin)
  if(SLUICE_WORKERD)
    add_python_test(edge test_edge.py ARGS ${SLUICE_WORKERD} ${PROJECT_SOURCE_DIR}/wasm-out/edge)
  endif()
  add_python_test(mapping.emscripten test_mapping.py
    ARGS ${SLUICE_NODE} ${PROJECT_BINARY_DIR}/guest/preview_mapping.wasm)
  find_program(SLUICE_CHROMIUM NAMES chromium chromium-browser google-chrome)
  if(SLUICE_CHROMIUM AND TARGET sluice)
    foreach(area FromDisk Served)
      string(TOLOWER ${area} name)
      add_python_test(preview.${name} test_preview.py ARGS $<TARGET_FILE:sluice> ${SLUICE_NODE}
        ${SLUICE_CHROMIUM} ${PROJECT_SOURCE_DIR}/wasm-out/preview.html ${area})
    endforeach()
  endif()
endif()
