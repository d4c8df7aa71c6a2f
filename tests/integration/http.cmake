# The server under hostile clients, through the real program.
if(TARGET sluice)
  foreach(area Framing Limits Slow Many Overload Stops)
    string(TOLOWER ${area} name)
    add_python_test(http.${name} test_http.py ARGS $<TARGET_FILE:sluice> ${area})
  endforeach()
endif()
