# Functions over stand-ins for their platforms, with the whole landscape behind them.
if(TARGET sluice)
  add_python_test(fn test_fn.py ARGS $<TARGET_FILE:sluice>)
  add_python_test(lambda test_lambda.py ARGS $<TARGET_FILE:sluice>)
  add_python_test(knative test_knative.py ARGS $<TARGET_FILE:sluice>)
  foreach(area Contents Descriptors Running Image)
    string(TOLOWER ${area} name)
    add_python_test(package.${name} test_package.py ARGS $<TARGET_FILE:sluice> ${area} TIMEOUT 900)
  endforeach()
  add_python_test(package.customised test_package_customised.py
    ARGS $<TARGET_FILE:sluice> ${TEST_GUEST_FOLDER} TIMEOUT 600)
endif()
