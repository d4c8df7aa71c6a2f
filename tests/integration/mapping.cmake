# The filter that applies mappings, on an engine that is not ours.
add_python_test(mapping test_mapping.py ARGS ${SLUICE_NODE} ${PROJECT_SOURCE_DIR}/wasm-out/mapping.wasm)
