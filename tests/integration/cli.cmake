# The real program on a workspace of its own, without any peer.
if(TARGET sluice)
  add_python_test(cli test_cli.py ARGS $<TARGET_FILE:sluice>)
endif()
