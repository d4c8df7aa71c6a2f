# Logs, metrics and traces of the server, read by parsers of another make.
if(TARGET sluice)
  add_python_test(observe test_observe.py ARGS $<TARGET_FILE:sluice>)
  add_python_test(traces test_traces.py ARGS $<TARGET_FILE:sluice> ${SLUICE_NODE})
endif()
