# The server through the real program, with the CCS stand-in behind it.
if(TARGET sluice)
  add_python_test(serve test_serve.py ARGS $<TARGET_FILE:sluice>)
  add_python_test(auth test_auth.py ARGS $<TARGET_FILE:sluice>)
endif()
