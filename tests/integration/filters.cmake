# Customisations through the real program.
if(TARGET sluice)
  foreach(area Points Wrong Durable)
    string(TOLOWER ${area} name)
    add_python_test(filters.${name} test_filters.py ARGS $<TARGET_FILE:sluice> ${TEST_GUEST_FOLDER} ${area})
  endforeach()
endif()
if(TARGET sluice)
  foreach(area Commands Mappings Clones Signatures Refused)
    string(TOLOWER ${area} name)
    add_python_test(customize.${name} test_customize.py
      ARGS $<TARGET_FILE:sluice> ${TEST_GUEST_FOLDER} ${SLUICE_NODE} ${SLUICE_WAT2WASM} ${area})
  endforeach()
endif()
