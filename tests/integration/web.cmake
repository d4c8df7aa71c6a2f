# Object Storage, REST, mail and connection tests: the transfer layer against the stand-ins and a real
# mail server, through a small driver.
if(TARGET sluice_transfer)
  add_executable(web_driver web_driver.c)
  target_link_libraries(web_driver PRIVATE sluice_transfer)
  foreach(area object_storage object_staged rest smtp connections)
    add_python_test(web.${area} test_${area}.py ARGS $<TARGET_FILE:web_driver>)
  endforeach()
  add_library(fail_send MODULE fail_send.c)
  target_link_libraries(fail_send PRIVATE sluice_flags ${CMAKE_DL_LIBS})
  target_compile_definitions(fail_send PRIVATE _GNU_SOURCE)
  add_python_test(web.sending test_sending.py ARGS $<TARGET_FILE:web_driver> $<TARGET_FILE:fail_send>)
  add_python_test(stream test_stream.py ARGS $<TARGET_FILE:transfer_driver> $<TARGET_FILE:web_driver>)
endif()
