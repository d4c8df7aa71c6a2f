# Resubmission, discarding, retention and schedules through the real program.
if(TARGET sluice)
  add_python_test(resubmit test_resubmit.py ARGS $<TARGET_FILE:sluice>)
endif()
