# Functions over stand-ins for their platforms, with the whole landscape behind them.
if(TARGET sluice)
  add_python_test(fn test_fn.py ARGS $<TARGET_FILE:sluice>)
  add_python_test(lambda test_lambda.py ARGS $<TARGET_FILE:sluice>)
  add_python_test(knative test_knative.py ARGS $<TARGET_FILE:sluice>)
  add_python_test(package test_package.py ARGS $<TARGET_FILE:sluice> TIMEOUT 900)
  add_python_test(package.customised test_package_customised.py
    ARGS $<TARGET_FILE:sluice> ${TEST_GUEST_FOLDER} TIMEOUT 600)
endif()
